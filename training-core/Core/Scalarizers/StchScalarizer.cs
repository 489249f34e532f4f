using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Smooth Tchebycheff (Lin et al., arXiv 2402.19078): g = μ log Σ_i exp(w_i d_i/μ), so ∂g/∂(w_i d_i) = softmax(w d/μ)_i (see
/// <see cref="IdealPointScalarizer"/>). Unlike the maximum it moves all objectives at once and does not jump between them.
/// </summary>
public sealed class StchScalarizer : IdealPointScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "stch";

    private readonly double mu;

    /// <exception cref="ArgumentException">Options do not fit the objectives, or μ is not positive.</exception>
    public StchScalarizer(StchScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
        : base(options, objectives)
    {
        if (!(options.Mu > 0)) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.mu is {options.Mu}; the smoothness must be positive, such as 0.1."), nameof(options)); }
        mu = options.Mu;
    }

    private protected override string Name => Method;

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(StchScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new StchScalarizer(options, objectives));

    private protected override double Value(ReadOnlySpan<double> distances, Span<double> shares)
    {
        double largest = double.NegativeInfinity, sum = 0;
        foreach (double distance in distances) { largest = Math.Max(largest, distance); }
        for (int i = 0; i < distances.Length; i++) { sum += shares[i] = Math.Exp((distances[i] - largest) / mu); }
        for (int i = 0; i < distances.Length; i++) { shares[i] /= sum; }
        return largest + (mu * Math.Log(sum));
    }
}
