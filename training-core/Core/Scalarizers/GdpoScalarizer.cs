using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// GDPO (arXiv 2601.05242): A_b = whiten(Σ_k w_k Z_bk), Z the rewards standardised within their prompt, so rewards of different
/// spread count as their weights say and different combinations of rewards stay different. Without whitening: MO-GRPO
/// (arXiv 2509.22047). Whitening is over completions, where NVlabs' code takes tokens, so long answers do not count more.
/// </summary>
public sealed class GdpoScalarizer : CompletionScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "gdpo";

    private readonly bool whiten;

    /// <exception cref="ArgumentException">Weights cannot be normalised.</exception>
    public GdpoScalarizer(GdpoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
        : base(objectives) => whiten = options.Whiten;

    private protected override string Name => Method;

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Weights cannot be normalised.</exception>
    public static ScalarizerSetup Create(GdpoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new GdpoScalarizer(options, objectives));

    private protected override (double[] Advantages, double[] Weights) Combine(StepSignals signals)
    {
        double[] sum = StandardisedScores.Combine(StandardisedScores.WithinPrompts(signals), Preference);
        return (whiten ? StandardisedScores.Whiten(sum, signals.Valid) : sum, [.. Preference]);
    }
}
