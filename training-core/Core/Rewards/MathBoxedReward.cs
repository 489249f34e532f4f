using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>
/// 1 if the content of the last box equals the ground truth, else 0. Corrected mode reads every form of box, lets the
/// last one win, compares plain numbers as exact rationals, and never matches an empty answer.
/// </summary>
public sealed class MathBoxedReward(MethodMode mode = MethodMode.Corrected) : IReward
{
    /// <inheritdoc/>
    public double Score(in ScoredCompletion completion, in RewardContext context) => mode == MethodMode.Reference
        ? ReferenceMathAnswer.Score(completion.Response, completion.GroundTruth)
        : BoxedAnswer.Last(completion.Response) is { } answer && AnswerEquivalence.AreEqual(answer, completion.GroundTruth) ? 1 : 0;
}
