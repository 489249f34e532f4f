using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Gradient normalisation (GradNorm, arXiv 1711.02257): weights move so that all weighted gradients are equally long, longer for objectives that lag behind.</summary>
[ScalarizationMethod("gradnorm")]
public sealed record GradNormScalarizerSpec : GradientScalarizerSpec
{
    [Description("α, how strongly an objective that lags behind is favoured; 0: all weighted gradients are equally long.")]
    [Range(0.0, 100.0)]
    public double Alpha { get; init; } = 1.5;

    [Description("Step size of the weights (corrected mode: of their logarithms, by at most this much per update).")]
    [Range(0.0, 1000.0)]
    public double LearningRate { get; init; } = 0.025;

    [Description("Corrected mode: the score that cannot be surpassed, one per objective or one for all; default: 1. An objective's loss is this minus the moving average of its mean score, plus gap_epsilon: a reward gap, always positive, where policy losses have a random sign.")]
    public NumberOrList? Ideal { get; init; }

    [Description("Corrected mode: rate τ of the moving average of the mean scores.")]
    [Range(0.0, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("Corrected mode: added to every reward gap, so that it stays positive when the ideal is reached.")]
    [Range(1e-9, 1e9)]
    public double GapEpsilon { get; init; } = 0.01;

    [Description("Corrected mode: smallest normalised weight of any objective; at most 1/number of objectives.")]
    [Range(0.0, 1.0)]
    public double Floor { get; init; } = 0.02;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job)
    {
        foreach (var finding in base.Check(job)) { yield return finding; }
        foreach (var finding in MethodRules.OnePerObjective(job, "ideal", Ideal)) { yield return finding; }
        if (Mode == MethodMode.Reference)
        {
            foreach (var finding in MethodRules.ReferenceSolvesEveryUpdate(job)) { yield return finding; }
            if (Ideal is not null) { yield return new("scalarizer.ideal", "is given, but mode: reference takes the policy losses as they are; remove it, or use mode: corrected."); }
        }
        else
        {
            foreach (var finding in MethodRules.FloorFits(job, Floor)) { yield return finding; }
            foreach (var finding in MethodRules.PositiveWeights(job, "makes the weighted gradients as long as the weights are in proportion")) { yield return finding; }
        }
    }
}
