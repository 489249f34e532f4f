using Ctwa.Training.Specification;

namespace Ctwa.Training.Rewards;

/// <summary>The value of a formula over the completion; see <see cref="RewardExpression"/>. A value that is not finite is a failed score.</summary>
public sealed class ExpressionReward(ExpressionRewardSpec spec) : IReward
{
    private readonly RewardExpression _formula = RewardExpression.Parse(spec.Formula);

    /// <inheritdoc/>
    public double Score(in ScoredCompletion completion, in RewardContext context) => _formula.Evaluate(new ExpressionFeatures(completion.Prompt, completion.Response, completion.ResponseTokens));
}
