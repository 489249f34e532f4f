namespace Ctwa.Training.Rollouts;

/// <summary>Numbers per token of one response, measured with the weights that sampled it; they never leave its shard.</summary>
/// <param name="LogProbabilities">As the trainer's forward pass computes them, shape [L]; empty where not needed.</param>
/// <param name="Divergence">From the reference policy, in nats, shape [L]; empty without a penalty in the reward.</param>
/// <param name="Values">Of the value head, [streams][L]; empty without one.</param>
public sealed record TokenSignals(float[] LogProbabilities, float[] Divergence, float[][] Values)
{
    /// <summary>Estimated advantages before whitening, by stream, each shape [L]; a stream that was not estimated is missing.</summary>
    public IReadOnlyDictionary<int, double[]> Advantages { get; init; } = new SortedDictionary<int, double[]>();

    /// <summary>The same signals with more streams estimated; a stream estimated again is replaced.</summary>
    public TokenSignals With(IEnumerable<KeyValuePair<int, double[]>> advantages)
    {
        var all = new SortedDictionary<int, double[]>(Advantages.ToDictionary());
        foreach (var (stream, values) in advantages) { all[stream] = values; }
        return this with { Advantages = all };
    }
}
