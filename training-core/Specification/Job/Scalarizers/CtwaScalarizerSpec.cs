using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>
/// Covariance-targeted weight adaptation (arXiv 2602.06869): a weight rises while its objective's within-prompt
/// covariance (reference) or correlation (corrected) with the training signal lies below a target; without targets
/// (corrected), the weights that balance the correlations are solved for.
/// </summary>
[ScalarizationMethod("ctwa")]
public sealed record CtwaScalarizerSpec : ScalarizerSpec
{
    [Description("Target of each objective, in the order of objectives, or one number for all: the controller raises weights below target. Corrected mode: correlations (0..1); reference mode (needs them): covariances unless use_correlation. Default, corrected mode: none; each step solves for the weights at which every objective has the same, largest possible correlation with the training signal (in proportion to the objectives' weights).")]
    public NumberOrList? Targets { get; init; }

    [Description("With targets: step size η of the log-weights.")]
    [Range(0.0, 1000.0)]
    public double LearningRate { get; init; } = 0.5;

    [Description("τ of the moving average of covariances: c̄ ← (1−τ)c̄ + τc; without targets, of the covariance matrix of the objectives.")]
    [Range(0.0, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("Corrected mode with targets: ρ, the pull of the log-weights back to their start; bounds them by η·deficit/ρ.")]
    [Range(0.0, 1.0)]
    public double Leak { get; init; } = 0.05;

    [Description("Corrected mode: smallest normalised weight of any objective; at most 1/number of objectives.")]
    [Range(0.0, 1.0)]
    public double Floor { get; init; } = 0.02;

    [Description("Corrected mode: largest normalised weight of any objective; at least 1/number of objectives, and not below the floor. 1: no cap.")]
    [Range(0.0, 1.0)]
    public double Cap { get; init; } = 1;

    [Description("With targets: mean score above which an objective's weight no longer rises, one per objective or one for all; default: no gate.")]
    public NumberOrList? ObjectiveTargets { get; init; }

    [Description("Reference mode: compare correlations instead of covariances with the targets.")]
    public bool UseCorrelation { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => [.. CapFits(job), .. ReachableCovariances(job)];

    private IEnumerable<JobFinding> CapFits(JobSpec job)
    {
        int count = job.Objectives.Count;
        if (count < 2) { yield break; }
        if (Cap * count < 1) { yield return new("scalarizer.cap", FormattableString.Invariant($"is {Cap}, but {count} objectives with at most that weight each cannot sum to 1; give at least {Math.Ceiling(1000.0 / count) / 1000}.")); }
        else if (Floor > Cap) { yield return new("scalarizer.cap", FormattableString.Invariant($"is {Cap}, below the floor {Floor}; give at least the floor, or lower the floor.")); }
    }

    /// <summary>|Cov(r, w)| ≤ sd(r)·sd(w): at most 1/2 · 1 for a score between 0 and 1 and a signal whitened within the prompt.</summary>
    private IEnumerable<JobFinding> ReachableCovariances(JobSpec job)
    {
        if (Mode != MethodMode.Reference || UseCorrelation || Targets is null || job.Advantage is not { Estimator: AdvantageEstimator.Grpo, NormalizeByStd: true }) { yield break; }
        var values = Targets.List ?? [Targets.Single!.Value];
        for (int j = 0; j < values.Count; j++)
        {
            if (values[j] > 0.5) { yield return new(Targets.List is null ? "scalarizer.targets" : $"scalarizer.targets[{j}]", FormattableString.Invariant($"is {values[j]}, which is out of reach: scores from 0 to 1 deviate by at most 0.5 and grpo's advantages by at most 1 within a prompt, so their covariance is at most 0.5. Give less, such as 0.15.")); }
        }
    }
}
