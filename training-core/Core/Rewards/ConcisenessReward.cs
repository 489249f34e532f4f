using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// 1 if the response has fewer tokens than <see cref="RewardContext.ReferenceLength"/>, else 0. The modes differ in how
/// that length comes about (<see cref="ResponseLengthStatistics"/>) and in what a missing one (NaN) means: 1 for
/// everybody in reference mode, a failure in corrected mode.
/// </summary>
public sealed class ConcisenessReward(MethodMode mode = MethodMode.Corrected) : IReward
{
    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">Corrected mode, and there is no finite length to compare with.</exception>
    public double Score(in ScoredCompletion completion, in RewardContext context)
    {
        if (mode == MethodMode.Corrected && !double.IsFinite(context.ReferenceLength))
        {
            throw new InvalidOperationException($"conciseness has no length to compare with (reference length {context.ReferenceLength}); take it from ResponseLengthStatistics before a batch is scored.");
        }

        // Written so that a NaN gives 1, as a missing mean does in the reference.
        return completion.ResponseTokens >= context.ReferenceLength ? 0 : 1;
    }
}
