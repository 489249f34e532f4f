namespace Ctwa.Bench.Simulate;

/// <summary>Tensor bytes that cross from one silo to another in a step, by purpose.</summary>
/// <param name="Collect">Sums of gradients on their way to the slices' primaries.</param>
/// <param name="Mirror">Finished sums from primaries to mirrors.</param>
/// <param name="Publish">Changed weights to all others.</param>
internal sealed record StepBytes(long Collect, long Mirror, long Publish)
{
    public long Total => Collect + Mirror + Publish;
}

/// <summary>A phase of a step.</summary>
/// <param name="Name">As in the tables.</param>
/// <param name="Seconds">From its first call to its last answer.</param>
/// <param name="Binds">What was busiest in it; "order" where nothing was busy for even half of it.</param>
internal sealed record PhaseTime(string Name, double Seconds, string Binds);

/// <summary>A simulated step.</summary>
/// <param name="Silos">N.</param>
/// <param name="Phases">In order; a phase that comes several times is added up.</param>
/// <param name="Bytes">Between silos.</param>
/// <param name="SiloBytes">Most that one silo got or gave.</param>
/// <param name="Copied">Bytes that the busiest silo copied between device and host.</param>
/// <param name="Calls">Calls that the coordinator made.</param>
/// <param name="RewardCalls">Calls from shards to the silo of the rewards.</param>
/// <param name="PeakPulls">Most pulls at a time from one silo.</param>
/// <param name="CheckpointBytes">What the writer of a checkpoint gets from others.</param>
/// <param name="CheckpointSeconds">Of a checkpoint, which no step's time holds.</param>
internal sealed record StepResult(int Silos, IReadOnlyList<PhaseTime> Phases, StepBytes Bytes, long SiloBytes, long Copied, long Calls, long RewardCalls, int PeakPulls, long CheckpointBytes, double CheckpointSeconds)
{
    /// <summary>Of the whole step.</summary>
    public double Seconds => Phases.Sum(phase => phase.Seconds);

    /// <summary>What binds in the longest phase, and that phase.</summary>
    public string Binds => Phases.MaxBy(phase => phase.Seconds) is { } longest ? $"{longest.Name}: {longest.Binds}" : "";

    /// <summary>Seconds of the phases of a name.</summary>
    public double Of(string name) => Phases.Where(phase => phase.Name == name).Sum(phase => phase.Seconds);
}
