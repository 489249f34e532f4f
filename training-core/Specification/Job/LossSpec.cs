using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Policy losses. ρ is the ratio of the policy's probability of a token to that of the policy that sampled it, A the advantage.</summary>
public enum LossKind
{
    /// <summary>Clipped surrogate with dual clip (arXiv 1707.06347, 1912.09729).</summary>
    Ppo,

    /// <summary>Clipped surrogate with one ratio per response, the geometric mean of its tokens' (GSPO, arXiv 2507.18071, token form).</summary>
    Gspo,

    /// <summary>−A · log-probability, without ratio or bounds (GPG, arXiv 2504.02546).</summary>
    Gpg,

    /// <summary>Clipped surrogate without some of the tokens at which advantage and log-probability vary together (Clip-Cov, arXiv 2505.22617).</summary>
    ClipCov,

    /// <summary>Surrogate with a penalty |log ρ| on the tokens of largest covariance (KL-Cov, arXiv 2505.22617).</summary>
    KlCov,

    /// <summary>Geometric mean of the tokens' ratios, each bounded (GMPO, arXiv 2507.20673).</summary>
    Gmpo,

    /// <summary>−A · bounded ρ (without gradient) · log-probability: bounds no token's gradient away (CISPO, arXiv 2506.13585).</summary>
    Cispo,
}

/// <summary>How token losses become one number.</summary>
public enum LossAggregation
{
    /// <summary>Mean over all response tokens of the update (DAPO, arXiv 2503.14476).</summary>
    TokenMean,

    /// <summary>Sum over the tokens of a response, mean over responses.</summary>
    SequenceMeanTokenSum,

    /// <summary>Mean over the tokens of a response, mean over responses (GRPO, arXiv 2402.03300).</summary>
    SequenceMeanTokenMean,

    /// <summary>Sum over the tokens of a response divided by a constant length, mean over responses (Dr. GRPO, arXiv 2503.20783).</summary>
    SequenceMeanTokenSumNorm,
}

/// <summary>The policy loss.</summary>
public sealed record LossSpec
{
    [Description("ppo (default), gspo, gpg, clip_cov, kl_cov, gmpo or cispo. clip_cov and kl_cov choose tokens among those of a shard's part of the update, so they depend on grid.shards.")]
    public LossKind Kind { get; init; } = LossKind.Ppo;

    [Description("Ratio may fall to 1 - clip_low; gmpo: log-ratio of a token to -clip_low. Not used by gpg and kl_cov.")]
    [Range(0.0, 1e9)]
    public double ClipLow { get; init; } = 0.2;

    [Description("Ratio may rise to 1 + clip_high; gmpo: log-ratio of a token to clip_high. Not used by gpg and kl_cov.")]
    [Range(0.0, 1e9)]
    public double ClipHigh { get; init; } = 0.2;

    [Description("ppo: bound of the loss at negative advantages (dual clip), greater than 1; 0: off.")]
    [Range(0.0, 1e9)]
    public double DualClip { get; init; } = 3.0;

    [Description("clip_cov, kl_cov: share of the tokens to choose; at least one is chosen.")]
    [Range(1e-9, 1.0)]
    public double CovShare { get; init; } = 0.0002;

    [Description("clip_cov: only tokens whose covariance is above this can be chosen.")]
    [Range(-1e9, 1e9)]
    public double CovLow { get; init; } = 1.0;

    [Description("clip_cov: only tokens whose covariance is below this can be chosen.")]
    [Range(-1e9, 1e9)]
    public double CovHigh { get; init; } = 5.0;

    [Description("kl_cov: weight of |log ratio| on the chosen tokens.")]
    [Range(0.0, 1e9)]
    public double CovPenalty { get; init; } = 1.0;

    [Description("token_mean (default), sequence_mean_token_sum, sequence_mean_token_mean or sequence_mean_token_sum_norm.")]
    public LossAggregation Aggregation { get; init; } = LossAggregation.TokenMean;

    [Description("sequence_mean_token_sum_norm: the constant that token sums are divided by. Default: rollout.max_new_tokens.")]
    [Range(1, 1_048_576)]
    public int? ConstantLength { get; init; }

    [Description("Truncated importance sampling: token losses are weighted with the ratio of the policy's probability before the update to the sampler's, at most this, at least 1; 0 (default): off.")]
    [Range(0.0, 1e9)]
    public double ImportanceCap { get; init; }

    [Description("Penalty on the divergence from the frozen reference policy.")]
    public KlSpec Kl { get; init; } = new();

    [Description("Weight of the entropy bonus.")]
    [Range(0.0, 1000.0)]
    public double EntropyCoefficient { get; init; }

    [Description("The value head; with advantage.estimator: gae only. Default there: its defaults.")]
    public ValueLossSpec? Value { get; init; }

    /// <summary>What <see cref="LossAggregation.SequenceMeanTokenSumNorm"/> divides by.</summary>
    public int LengthConstant(RolloutSpec rollout) => ConstantLength ?? rollout.MaxNewTokens;
}
