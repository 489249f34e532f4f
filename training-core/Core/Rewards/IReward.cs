using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>A reward function for one objective. Pure: what it needs besides the completion is in <see cref="RewardContext"/>.</summary>
public interface IReward
{
    /// <summary>Scores one completion. May throw or return a non-finite number: the caller retries, then applies the objective's failure policy.</summary>
    double Score(in ScoredCompletion completion, in RewardContext context);
}

/// <summary>One completion as a reward sees it.</summary>
/// <param name="Prompt">Prompt text.</param>
/// <param name="Response">Response text without special tokens.</param>
/// <param name="ResponseTokens">Length of the response in tokens, the stop token included if there is one.</param>
/// <param name="GroundTruth">Expected answer; empty if the data has none.</param>
public readonly record struct ScoredCompletion(string Prompt, string Response, int ResponseTokens, string GroundTruth);

/// <summary>Statistics of the run that rewards may depend on; fixed by the coordinator before a batch is scored.</summary>
/// <param name="ReferenceLength">Length in tokens that <c>conciseness</c> compares with; see <see cref="ResponseLengthStatistics"/>.</param>
public readonly record struct RewardContext(double ReferenceLength);
