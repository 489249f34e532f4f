namespace Ctwa.Training.Specification;

/// <summary>Impartial gradient (IMTL-G, ICLR 2021): the combined gradient has equal projections on all gradients' directions, in proportion to the objectives' weights.</summary>
[ScalarizationMethod("imtl_g")]
public sealed record ImtlGScalarizerSpec : GramScalarizerSpec;
