using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// RVPO (arXiv 2605.05750): A_b = −(1/k) log Σ_j p_j e^(−k Z_bj), a soft minimum of the rewards standardised within their prompt,
/// p = the objectives' weights. k → 0 is the weighted mean Σ p_j Z_bj, k → ∞ the worst objective of the completion; in between
/// it is the mean minus k/2 times the variance over objectives, to second order.
/// </summary>
public sealed class RvpoScalarizer : CompletionScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "rvpo";

    private readonly RvpoScalarizerSpec options;

    /// <exception cref="ArgumentException">Weights cannot be normalised, or k is negative.</exception>
    public RvpoScalarizer(RvpoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
        : base(objectives)
    {
        if (!(options.K >= 0)) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.k is {options.K}; it must be at least 0."), nameof(options)); }
        this.options = options;
    }

    private protected override string Name => Method;

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Weights cannot be normalised.</exception>
    public static ScalarizerSetup Create(RvpoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new RvpoScalarizer(options, objectives));

    /// <summary>Weights are the derivatives ∂A/∂Z_j = softmax(log p − kZ)_j, averaged over valid completions.</summary>
    private protected override (double[] Advantages, double[] Weights) Combine(StepSignals signals)
    {
        double[][] standardised = StandardisedScores.WithinPrompts(signals);
        double[] advantages = new double[signals.Valid.Length], shares = new double[Preference.Length], weights = new double[Preference.Length];
        int count = signals.Valid.Count(valid => valid);
        for (int b = 0; b < advantages.Length; b++)
        {
            if (!signals.Valid[b]) { continue; }
            advantages[b] = SoftMinimum(standardised, b, shares);
            for (int j = 0; j < weights.Length; j++) { weights[j] += shares[j] / count; }
        }

        return (options.Whiten ? StandardisedScores.Whiten(advantages, signals.Valid) : advantages, weights);
    }

    /// <summary>
    /// With m the smallest Z that has weight: m − log(1 + Σ p_j (e^(−k(Z_j − m)) − 1))/k. No exponent is positive, and for small k
    /// both expm1-like terms and the logarithm keep their digits.
    /// </summary>
    private double SoftMinimum(double[][] standardised, int sample, double[] shares)
    {
        double smallest = double.PositiveInfinity, mean = 0, excess = 0, sum = 0;
        for (int j = 0; j < Preference.Length; j++)
        {
            if (Preference[j] > 0) { smallest = Math.Min(smallest, standardised[j][sample]); }
            mean += Preference[j] * standardised[j][sample];
        }

        for (int j = 0; j < Preference.Length; j++)
        {
            double exponent = Preference[j] > 0 ? -options.K * (standardised[j][sample] - smallest) : 0;
            excess += Preference[j] * ExpMinusOne(exponent);
            sum += shares[j] = Preference[j] * Math.Exp(exponent);
        }

        for (int j = 0; j < shares.Length; j++) { shares[j] /= sum; }
        return options.K == 0 ? mean : smallest - (LogOnePlus(excess) / options.K);
    }

    /// <summary>e^x − 1 for x ≤ 0; sinh keeps the digits that the subtraction would lose near 0.</summary>
    private static double ExpMinusOne(double x) => x < -1 ? Math.Exp(x) - 1 : 2 * Math.Exp(x / 2) * Math.Sinh(x / 2);

    /// <summary>log(1 + x); Kahan's correction undoes the rounding of 1 + x near 0.</summary>
    private static double LogOnePlus(double x)
    {
        double rounded = 1 + x;
        return rounded == 1 ? x : Math.Log(rounded) * x / (rounded - 1);
    }
}
