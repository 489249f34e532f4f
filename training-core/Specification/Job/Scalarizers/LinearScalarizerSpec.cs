using System.ComponentModel;

namespace Ctwa.Training.Specification;

/// <summary>What happens to scores before they are weighted.</summary>
public enum ScoreNormalization
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Each objective is standardised among the completions of a prompt.</summary>
    Group,

    /// <summary>Each objective is standardised among the completions of the step.</summary>
    Batch,
}

/// <summary>Fixed weights: r = Σ w_j r_j.</summary>
[ScalarizationMethod("linear")]
public sealed record LinearScalarizerSpec : ScalarizerSpec
{
    [Description("Before weighting: none (default); group: every objective minus its mean, divided by its standard deviation, among the completions of a prompt; batch: the same among those of the step. Scores that do not vary give 0.")]
    public ScoreNormalization Normalize { get; init; } = ScoreNormalization.None;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.UsedOnlyWith("normalize", Normalize != ScoreNormalization.None && Mode == MethodMode.Reference, "mode: corrected"),
        .. MethodRules.ReferenceWeights(job),
        .. Normalize == ScoreNormalization.Group ? MethodRules.SamplesToCompare(job) : [],
    ];
}
