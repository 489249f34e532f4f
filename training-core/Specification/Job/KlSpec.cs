using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Estimators of the divergence from the reference policy per token; x = policy − reference log-probability (Schulman, "Approximating KL divergence", 2020).</summary>
public enum KlKind
{
    /// <summary>k3: exp(−x) − 1 + x; never negative, unbiased. x is cut at ±20, the result at 10.</summary>
    LowVarKl,

    /// <summary>k1: x; unbiased, of high variance, may be negative.</summary>
    Kl,

    /// <summary>|x|.</summary>
    Abs,

    /// <summary>k2: x² / 2; biased, but its gradient is that of the divergence.</summary>
    Mse,
}

/// <summary>Penalty on the divergence from the frozen reference policy (the policy as it is when reinforcement learning starts).</summary>
public sealed record KlSpec
{
    [Description("low_var_kl (k3, default), kl (k1), abs or mse (k2). As a loss, kl alone has no expected gradient at the sampling policy: use straight_through with it.")]
    public KlKind Kind { get; init; } = KlKind.LowVarKl;

    [Description("Report the value of kind, but follow the gradient of mse (k2), which is the gradient of the divergence.")]
    public bool StraightThrough { get; init; }

    [Description("Weight; 0 (default): no reference policy is kept.")]
    [Range(0.0, 1000.0)]
    public double Coefficient { get; init; }
}

/// <summary>How the coefficient of the penalty in the reward moves.</summary>
public enum KlController
{
    /// <summary>Not at all.</summary>
    Fixed,

    /// <summary>Towards a target divergence, by at most 20 % per horizon of completions (arXiv 1909.08593, section 2.2).</summary>
    Adaptive,
}

/// <summary>Penalty on the divergence from the reference policy as part of the reward: every token costs coefficient × divergence.</summary>
public sealed record RewardKlSpec
{
    [Description("Weight of the penalty; with controller: adaptive, its first value.")]
    [Range(1e-12, 1000.0)]
    public required double Coefficient { get; init; }

    [Description("low_var_kl (k3, default), kl (k1), abs or mse (k2).")]
    public KlKind Kind { get; init; } = KlKind.LowVarKl;

    [Description("fixed (default), or adaptive: the coefficient rises while the divergence is above target and falls while it is below.")]
    public KlController Controller { get; init; } = KlController.Fixed;

    [Description("adaptive: divergence per token to keep to, in nats.")]
    [Range(1e-12, 1000.0)]
    public double? Target { get; init; }

    [Description("adaptive: completions after which a lasting error of 20 % has moved the coefficient by about 20 %.")]
    [Range(1, 1_000_000_000)]
    public int? Horizon { get; init; }
}
