using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>What MGDA divides each objective's gradient by before it solves.</summary>
public enum GradientNormalization
{
    /// <summary>Nothing: the shortest gradient rules.</summary>
    None,

    /// <summary>Its length.</summary>
    L2,

    /// <summary>The objective's reward gap.</summary>
    Loss,

    /// <summary>The objective's reward gap times its gradient's length.</summary>
    LossPlus,
}

/// <summary>Multiple-gradient descent (MGDA; Désidéri 2012): the shortest vector in the convex hull of the objectives' gradients.</summary>
[ScalarizationMethod("mgda")]
public sealed record MgdaScalarizerSpec : GradientScalarizerSpec
{
    [Description("What each gradient is divided by before solving: none (default), l2 (its length), loss (the objective's reward gap), loss_plus (both). Reference mode: none or l2.")]
    public GradientNormalization Normalization { get; init; } = GradientNormalization.None;

    [Description("Scale the combined gradient to the length of the weighted mean gradient, Σ weight · gradient, at most 100 times; near a point where the gradients cancel it stays short.")]
    public bool Rescale { get; init; }

    [Description("loss, loss_plus: the score that cannot be surpassed, one per objective or one for all; default: 1. The reward gap is this minus the moving average of the mean score, at least gap_epsilon.")]
    public NumberOrList? Ideal { get; init; }

    [Description("loss, loss_plus: rate τ of the moving average of the mean scores.")]
    [Range(0.0, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("loss, loss_plus: added to every reward gap, so that it stays positive when the ideal is reached.")]
    [Range(1e-9, 1e9)]
    public double GapEpsilon { get; init; } = 0.01;

    [Description("Reference mode: solve on the gradients of every parameter slice (grid.slices) by themselves, as the reference does on every rank's shard.")]
    public bool PerSlice { get; init; }

    /// <summary>Whether the method needs reward gaps.</summary>
    public bool UsesGaps() => Normalization is GradientNormalization.Loss or GradientNormalization.LossPlus;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job)
    {
        foreach (var finding in base.Check(job)) { yield return finding; }
        foreach (var finding in MethodRules.OnePerObjective(job, "ideal", Ideal)) { yield return finding; }
        if (Ideal is not null && !UsesGaps()) { yield return new("scalarizer.ideal", "is used only with normalization: loss or loss_plus; set one of them, or remove it."); }
        if (Mode == MethodMode.Reference)
        {
            foreach (var finding in MethodRules.ReferenceSolvesEveryUpdate(job)) { yield return finding; }
            if (UsesGaps()) { yield return new("scalarizer.normalization", $"is {(Normalization == GradientNormalization.Loss ? "loss" : "loss_plus")}, which the reference implementation does not have; use none or l2, or mode: corrected."); }
            if (Rescale) { yield return new("scalarizer.rescale", "is true, which the reference implementation does not have; remove it, or use mode: corrected."); }
            if (PerSlice && Plan == CombinationPlan.SecondPass) { yield return new("scalarizer.plan", "is second_pass, but with per_slice each slice has its own coefficients and one combined loss does not exist; use plan: keep_rows."); }
        }
        else
        {
            if (PerSlice) { yield return new("scalarizer.per_slice", "is true, which repeats a defect of the reference implementation and belongs to mode: reference; remove it, or set that mode."); }
            foreach (var finding in MethodRules.PositiveWeights(job, "improves the objectives in proportion to their weights and divides by them")) { yield return finding; }
        }
    }
}
