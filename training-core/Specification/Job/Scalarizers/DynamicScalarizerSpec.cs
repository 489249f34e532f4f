using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Which of an objective's inner products make its influence.</summary>
public enum InfluenceKind
{
    /// <summary>With the sum of all gradients, its own included (the paper's): long gradients help themselves.</summary>
    Self,

    /// <summary>With the sum of the other gradients.</summary>
    LeaveOneOut,

    /// <summary>Mean cosine with the other gradients: lengths do not count.</summary>
    Cosine,
}

/// <summary>Dynamic reward weighting (arXiv 2509.11452): an objective gains weight while its gradient agrees with the others'.</summary>
[ScalarizationMethod("dynamic")]
public sealed record DynamicScalarizerSpec : GradientScalarizerSpec
{
    [Description("μ: log-weights move by learning rate · influence / μ at every update.")]
    [Range(1e-12, 1e12)]
    public double Regularization { get; init; } = 1e-5;

    [Description("self (default): influence ⟨g_j, Σ g_k⟩; leave_one_out: the same without g_j itself; cosine: the mean cosine with the others.")]
    public InfluenceKind Influence { get; init; } = InfluenceKind.Self;

    [Description("Corrected mode: smallest normalised weight of any objective; at most 1/number of objectives.")]
    [Range(0.0, 1.0)]
    public double Floor { get; init; } = 0.02;

    [Description("Reference mode: influences are summed over so many steps before the weights move.")]
    [Range(1, 1_000_000)]
    public int WeightAccumulationSteps { get; init; } = 1;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job)
    {
        foreach (var finding in base.Check(job)) { yield return finding; }
        if (Mode == MethodMode.Reference)
        {
            foreach (var finding in MethodRules.ReferenceSolvesEveryUpdate(job)) { yield return finding; }
            if (Influence != InfluenceKind.Self) { yield return new("scalarizer.influence", $"is {(Influence == InfluenceKind.Cosine ? "cosine" : "leave_one_out")}, which the reference implementation does not have; use self, or mode: corrected."); }
        }
        else
        {
            if (WeightAccumulationSteps > 1) { yield return new("scalarizer.weight_accumulation_steps", $"is {WeightAccumulationSteps}, but belongs to mode: reference; use gram_every for weights that move more rarely, or set that mode."); }
            foreach (var finding in MethodRules.FloorFits(job, Floor)) { yield return finding; }
            foreach (var finding in MethodRules.PositiveWeights(job, "multiplies weights step by step, and 0 would stay 0")) { yield return finding; }
        }
    }
}
