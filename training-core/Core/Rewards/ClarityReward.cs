using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// 1 if the response has a box with content and visible steps, else 0. It measures form only: whether the answer is
/// right is another objective's business.
/// </summary>
public sealed class ClarityReward(MethodMode mode = MethodMode.Corrected) : IReward
{
    /// <inheritdoc/>
    public double Score(in ScoredCompletion completion, in RewardContext context)
    {
        bool clear = mode == MethodMode.Reference
            ? ReferenceStepMarkers.IsClear(completion.Response)
            : BoxedAnswer.Last(completion.Response) is not null && StepMarkers.AreVisible(completion.Response);
        return clear ? 1 : 0;
    }
}
