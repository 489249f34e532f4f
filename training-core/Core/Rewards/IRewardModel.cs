using System.Collections.Immutable;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Scores completions in batches, perhaps slowly and elsewhere. Every item has a reply of its own: one that fails does not
/// fail its neighbours. Replies never depend on how items are grouped, except in the rounding of <c>kind: model</c>, whose
/// groups are a function of the job (see <see cref="ScoreBatches"/>).
/// </summary>
public interface IRewardModel : IDisposable
{
    /// <summary>Scores items; failures, after retries, are part of the answer.</summary>
    /// <returns>One reply per item, in the order of the items.</returns>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    Task<RewardReply[]> ScoreAsync(IReadOnlyList<ScoredCompletion> items, RewardContext context, CancellationToken cancellationToken);
}

/// <summary>One number of a reward model.</summary>
/// <param name="Name">Its name; null where outputs are a list.</param>
/// <param name="Value">As received, perhaps not finite.</param>
public readonly record struct RewardOutput(string? Name, double Value);

/// <summary>What a reward model said of one completion.</summary>
/// <param name="Outputs">Its numbers; meaningless with a failure.</param>
/// <param name="Failure">Why there are none; null: there are.</param>
/// <param name="Retries">Calls beyond the first.</param>
public sealed record RewardReply(ImmutableArray<RewardOutput> Outputs, string? Failure, int Retries)
{
    /// <summary>Longest failure that is kept: a reply travels in a grain message and into the record.</summary>
    private const int MaxFailure = 400;

    public static RewardReply Of(ImmutableArray<RewardOutput> outputs, int retries = 0) => new(outputs, null, retries);

    public static RewardReply Of(double score, int retries = 0) => new([new RewardOutput(null, score)], null, retries);

    public static RewardReply Failed(string reason, int retries = 0) => new([], reason.Length <= MaxFailure ? reason : string.Concat(reason.AsSpan(0, MaxFailure), "..."), retries);

    /// <summary>One objective's score.</summary>
    /// <param name="source">Names the reward model in failures.</param>
    /// <param name="selector">Which output; null or empty: the only one.</param>
    public ScoreAttempt Select(string source, SharedRewardSpec? selector)
    {
        if (Failure is not null) { return ScoreAttempt.Failed(Failure, Retries); }
        RewardOutput? chosen = selector switch
        {
            { Output: { } name } => Outputs.Any(output => output.Name == name) ? Outputs.First(output => output.Name == name) : null,
            { Index: { } index } => index < Outputs.Length ? Outputs[index] : null,
            _ => Outputs.Length == 1 ? Outputs[0] : null,
        };
        return chosen is { } output ? ScoreAttempt.Of(output.Value, Retries) : ScoreAttempt.Failed(Missing(source, selector), Retries);
    }

    private string Missing(string source, SharedRewardSpec? selector)
    {
        string wanted = selector switch { { Output: { } name } => $"no output '{name}'", { Index: { } index } => FormattableString.Invariant($"no output {index}"), _ => FormattableString.Invariant($"{Outputs.Length} outputs where one is expected") };
        string names = string.Join(", ", Outputs.Take(10).Select((output, i) => output.Name ?? i.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        return Failed($"{source} gave {wanted}; it gave: {(names.Length == 0 ? "nothing" : names)}").Failure!;
    }
}
