using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Advantage estimators. R is the reward of a completion, groups are the completions of a prompt.</summary>
public enum AdvantageEstimator
{
    /// <summary>Discounted return to go, whitened over all response tokens of the step (REINFORCE++, arXiv 2501.03262).</summary>
    ReinforcePlusPlus,

    /// <summary>R minus its group's mean, whitened over all response tokens of the step (REINFORCE++ baseline, arXiv 2501.03262).</summary>
    ReinforcePlusPlusBaseline,

    /// <summary>R minus its group's mean, divided by the group's standard deviation if asked (GRPO, arXiv 2402.03300; without it Dr. GRPO, arXiv 2503.20783).</summary>
    Grpo,

    /// <summary>Only the best of a group: its lead over the second best, divided by the group's standard deviation if asked (arXiv 2503.19595).</summary>
    GrpoPassk,

    /// <summary>R minus the mean of the others in its group (RLOO, arXiv 2402.14740).</summary>
    Rloo,

    /// <summary>R minus the group's mean weighted by length: the baseline of least variance (OPO, arXiv 2505.23585).</summary>
    Opo,

    /// <summary>Return to go minus the reward of the prompt's greedy completion (ReMax, arXiv 2310.10505).</summary>
    Remax,

    /// <summary>R minus its group's mean, times samples over samples of groups that differ (GPG, arXiv 2504.02546).</summary>
    Gpg,

    /// <summary>Generalized advantage estimation with a value head, whitened over all response tokens of the step (arXiv 1506.02438).</summary>
    Gae,
}

/// <summary>How a scalar reward per completion becomes an advantage per token.</summary>
public sealed record AdvantageSpec
{
    [Description("reinforce_plus_plus (default), reinforce_plus_plus_baseline, grpo, grpo_passk, rloo, opo, remax (one greedy completion more per prompt), gpg or gae (with a value head, see loss.value).")]
    public AdvantageEstimator Estimator { get; init; } = AdvantageEstimator.ReinforcePlusPlus;

    [Description("Discount per token (reinforce_plus_plus, gae).")]
    [Range(0.0, 1.0)]
    public double Gamma { get; init; } = 1.0;

    [Description("gae: weight of longer returns; 1: returns to go minus values, 0: one-step differences.")]
    [Range(0.0, 1.0)]
    public double Lambda { get; init; } = 1.0;

    [Description("grpo, grpo_passk: divide by the group's standard deviation.")]
    public bool NormalizeByStd { get; init; } = true;
}
