namespace Ctwa.Training.Specification;

/// <summary>Fixed weights: r = Σ w_j r_j.</summary>
[ScalarizationMethod("linear")]
public sealed record LinearScalarizerSpec : ScalarizerSpec;
