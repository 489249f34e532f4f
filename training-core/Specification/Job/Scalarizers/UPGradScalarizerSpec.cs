namespace Ctwa.Training.Specification;

/// <summary>Unconflicting projection of gradients (UPGrad, arXiv 2406.16232): each gradient is projected on the directions that worsen no objective; their weighted mean is taken.</summary>
[ScalarizationMethod("upgrad")]
public sealed record UPGradScalarizerSpec : GramScalarizerSpec;
