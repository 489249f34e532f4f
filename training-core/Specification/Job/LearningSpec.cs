using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Advantage estimators of this build.</summary>
public enum AdvantageEstimator
{
    /// <summary>Discounted return to go, whitened over all response tokens of the step (REINFORCE++).</summary>
    ReinforcePlusPlus,

    /// <summary>Outcome minus the mean of its prompt's samples, divided by their standard deviation if asked (GRPO).</summary>
    Grpo,
}

/// <summary>How a scalar reward per completion becomes an advantage per token.</summary>
public sealed record AdvantageSpec
{
    [Description("reinforce_plus_plus (default) or grpo.")]
    public AdvantageEstimator Estimator { get; init; } = AdvantageEstimator.ReinforcePlusPlus;

    [Description("Discount per token (reinforce_plus_plus).")]
    [Range(0.0, 1.0)]
    public double Gamma { get; init; } = 1.0;

    [Description("grpo: divide by the group's standard deviation.")]
    public bool NormalizeByStd { get; init; } = true;
}

/// <summary>Policy losses of this build.</summary>
public enum LossKind
{
    /// <summary>Clipped surrogate with dual clip (arXiv 1707.06347, 1912.09729).</summary>
    Ppo,
}

/// <summary>How token losses become one number.</summary>
public enum LossAggregation
{
    /// <summary>Mean over all response tokens of the update.</summary>
    TokenMean,

    /// <summary>Sum over the tokens of a response, mean over responses.</summary>
    SequenceMeanTokenSum,

    /// <summary>Mean over the tokens of a response, mean over responses.</summary>
    SequenceMeanTokenMean,
}

/// <summary>The policy loss.</summary>
public sealed record LossSpec
{
    [Description("ppo: clipped surrogate.")]
    public LossKind Kind { get; init; } = LossKind.Ppo;

    [Description("Ratio may fall to 1 - clip_low.")]
    [Range(0.0, 1e9)]
    public double ClipLow { get; init; } = 0.2;

    [Description("Ratio may rise to 1 + clip_high.")]
    [Range(0.0, 1e9)]
    public double ClipHigh { get; init; } = 0.2;

    [Description("Bound of the loss at negative advantages (dual clip), greater than 1; 0: off.")]
    [Range(0.0, 1e9)]
    public double DualClip { get; init; } = 3.0;

    [Description("token_mean (default), sequence_mean_token_sum or sequence_mean_token_mean.")]
    public LossAggregation Aggregation { get; init; } = LossAggregation.TokenMean;

    [Description("Penalty on the divergence from the frozen reference policy.")]
    public KlSpec Kl { get; init; } = new();

    [Description("Weight of the entropy bonus.")]
    [Range(0.0, 1000.0)]
    public double EntropyCoefficient { get; init; }
}

/// <summary>Estimators of the divergence from the reference policy.</summary>
public enum KlKind
{
    /// <summary>k3 of Schulman: exp(d) − 1 − d with d = reference − policy log-probability; never negative, unbiased.</summary>
    LowVarKl,
}

/// <summary>Penalty on the divergence from the frozen reference policy (the policy as it is when reinforcement learning starts).</summary>
public sealed record KlSpec
{
    [Description("low_var_kl: the k3 estimator.")]
    public KlKind Kind { get; init; } = KlKind.LowVarKl;

    [Description("Weight; 0 (default): no reference policy is kept.")]
    [Range(0.0, 1000.0)]
    public double Coefficient { get; init; }
}

/// <summary>Learning-rate schedules.</summary>
public enum LearningRateSchedule
{
    /// <summary>Constant after the warm-up.</summary>
    Constant,

    /// <summary>Half a cosine from the peak to min_ratio × peak at the last step.</summary>
    Cosine,

    /// <summary>Constant, then linear from 60 % of the steps to min_ratio × peak at the last one.</summary>
    WarmupStableDecay,
}

/// <summary>AdamW (arXiv 1711.05101) and its schedule. Decay applies to every parameter, as in one PyTorch group.</summary>
public sealed record OptimizerSpec
{
    [Description("Peak learning rate.")]
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 1e-6;

    [Description("Decay of the first and second moment.")]
    [Length(2, 2)]
    public IReadOnlyList<double> Betas { get; init; } = [0.9, 0.999];

    [Description("Added to the root of the second moment before dividing by it.")]
    [Range(1e-16, 1.0)]
    public double Epsilon { get; init; } = 1e-8;

    [Description("Decoupled weight decay; applies to every parameter.")]
    [Range(0.0, 10.0)]
    public double WeightDecay { get; init; } = 0.01;

    [Description("Largest norm of the combined gradient; 0: no clipping.")]
    [Range(0.0, 1e9)]
    public double GradClip { get; init; } = 1.0;

    [Description("constant (default), cosine or warmup_stable_decay.")]
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Constant;

    [Description("Optimizer updates over which the learning rate rises linearly from 0.")]
    [Range(0, 100_000_000)]
    public int WarmupSteps { get; init; }

    [Description("Last learning rate as a share of the peak (cosine, warmup_stable_decay).")]
    [Range(0.0, 1.0)]
    public double MinRatio { get; init; } = 0.1;
}
