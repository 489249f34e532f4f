using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>How the coefficients α of the objectives' gradients become one gradient.</summary>
public enum CombinationPlan
{
    /// <summary>One gradient per objective is kept until α is known, then d = Σ α_m g_m: M gradients in memory.</summary>
    KeepRows,

    /// <summary>
    /// The objectives' gradients give the Gram matrix and are freed; a second pass back-propagates Σ_m α_m ∂L_m/∂log p, which is
    /// the same gradient up to rounding, under clipping too. One more forward and backward pass. With <see cref="GramScope.LastBlock"/>
    /// the first pass makes and keeps the last block's gradients only: M small rows instead of M of the model's size.
    /// </summary>
    SecondPass,
}

/// <summary>Which parameters the Gram matrix is taken over.</summary>
public enum GramScope
{
    /// <summary>All parameters: exact.</summary>
    All,

    /// <summary>The parameters of the last decoder block: no longer exact, and with <see cref="CombinationPlan.SecondPass"/> much cheaper, since the first backward passes end there.</summary>
    LastBlock,
}

/// <summary>Options shared by the methods that look at the objectives' gradients.</summary>
public abstract record GradientScalarizerSpec : ScalarizerSpec
{
    [Description("keep_rows (default): keep one gradient per objective and combine them; second_pass: keep none and back-propagate the combined loss once more.")]
    public CombinationPlan Plan { get; init; } = CombinationPlan.KeepRows;

    [Description("The Gram matrix is measured, and the method solved, every so many optimizer updates; between them the last coefficients are used again and only one backward pass is made.")]
    [Range(1, 1_000_000)]
    public int GramEvery { get; init; } = 1;

    [Description("all (default): the Gram matrix of the whole gradients; last_block: of the last decoder block's parameters only.")]
    public GramScope GramScope { get; init; } = GramScope.All;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) => MethodRules.SeveralObjectives(job);
}
