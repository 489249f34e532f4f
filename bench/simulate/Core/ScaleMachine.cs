namespace Ctwa.Bench.Simulate;

/// <summary>
/// Rates of the simulated machines. Each default is a measurement of this repository, named here, or called an assumption.
/// </summary>
internal sealed record ScaleMachine
{
    /// <summary>Parameters of the model that the device was measured with (docs/measurements/gpu-h100.md).</summary>
    private const double MeasuredParameters = 1_543_714_304;

    /// <summary>Devices of a silo, G; they share its link.</summary>
    public int Devices { get; init; } = 1;

    /// <summary>Bytes per second of a silo's link, in and out each. docs/measurements/tensor-channel.txt: channel, 16 MB, 4 in flight.</summary>
    public double LinkRate { get; init; } = 4.56e9;

    /// <summary>Seconds of a call there and back, and until a pull's first byte. docs/measurements/tensor-channel.txt: idle median beside the channel.</summary>
    public double Latency { get; init; } = 0.20e-3;

    /// <summary>Coordinator's time for one call, its answer included. docs/elasticity.md: 658.6 ms for 3 x 10,000 shards.</summary>
    public double CallSeconds { get; init; } = 0.6586 / 30_000;

    /// <summary>Coordinator's time for one shard of a batch. docs/elasticity.md: 128.1 ms for 3 x 10,000 shards, less 240 calls.</summary>
    public double ItemSeconds { get; init; } = (0.1281 - (240 * 0.6586 / 30_000)) / 30_000;

    /// <summary>Bytes per second between a device and its host's memory, unpinned. An assumption; infinite where silos compute on processors.</summary>
    public double CopyRate { get; init; } = 10e9;

    /// <summary>Bytes per second that long vectors move at within a device. docs/measurements/gpu-h100.md: AdamW's bytes.</summary>
    public double MemoryRate { get; init; } = 3e12;

    /// <summary>Bytes per second of a checkpoint's disk. An assumption.</summary>
    public double DiskRate { get; init; } = 1e9;

    /// <summary>Seconds to score an answer by one objective, on the one silo that has the rewards. An assumption: a rule, no model.</summary>
    public double ScoreSeconds { get; init; } = 10e-6;

    /// <summary>Memory of a device, bytes: an H100's.</summary>
    public double DeviceMemory { get; init; } = 80e9;

    /// <summary>Seconds of a token that all rows of a batch get: bound by the host. docs/measurements/gpu-h100.md, bfloat16: a line through 16.0 ms at 64 rows and 16.8 ms at 256.</summary>
    public double TokenSeconds { get; init; } = 0.0160 - (64 * TokenRowDefault);

    /// <summary>What each row of the batch adds; see <see cref="TokenSeconds"/>.</summary>
    public double TokenRowSeconds { get; init; } = TokenRowDefault;

    /// <summary>Seconds of a forward pass per token and parameter. docs/measurements/gpu-h100.md, bfloat16, own attention: 49 ms for 4,096 tokens.</summary>
    public double ForwardSeconds { get; init; } = 0.049 / 4096 / MeasuredParameters;

    /// <summary>Seconds of a backward pass likewise: 94 ms.</summary>
    public double BackwardSeconds { get; init; } = 0.094 / 4096 / MeasuredParameters;

    /// <summary>Seconds of AdamW per parameter: 44 ms for all.</summary>
    public double AdamSeconds { get; init; } = 0.044 / MeasuredParameters;

    /// <summary>Spread of the time of a shard's work: uniform within 1 - this and 1 + this.</summary>
    public double Spread { get; init; } = 0.1;

    /// <summary>Of the spread.</summary>
    public long Seed { get; init; } = 1;

    private const double TokenRowDefault = (0.0168 - 0.0160) / (256 - 64);

    /// <summary>Seconds of one shard's generation.</summary>
    public double Generation(ScaleJob job) =>
        job.ResponseTokens * Math.Max(TokenSeconds + (TokenRowSeconds * job.Answers), job.ElementBytes * job.Parameters / MemoryRate);

    /// <summary>Seconds of one shard's passes in one update: a forward pass that all rows share, a backward pass for each, and what adding its gradients takes.</summary>
    public double Training(ScaleJob job) =>
        (job.TrainedTokens * job.Parameters * (ForwardSeconds + (job.Rows * BackwardSeconds))) + (job.Rows * 12.0 * job.Length / MemoryRate);

    /// <summary>Seconds of one shard's measurement after the updates.</summary>
    public double Measurement(ScaleJob job) => job.TrainedTokens * job.Updates * job.Parameters * ForwardSeconds;

    /// <summary>All transfers and calls take no time: what is left is computing.</summary>
    public ScaleMachine WithFreeNetwork() => this with { LinkRate = double.PositiveInfinity, CopyRate = double.PositiveInfinity, Latency = 0, CallSeconds = 0, ItemSeconds = 0 };
}
