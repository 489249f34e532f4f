namespace Ctwa.Training.Specification;

/// <summary>Independent component alignment (Aligned-MTL, CVPR 2023): the gradients' principal components are made equally long, as long as the shortest.</summary>
[ScalarizationMethod("aligned_mtl")]
public sealed record AlignedMtlScalarizerSpec : GramScalarizerSpec;
