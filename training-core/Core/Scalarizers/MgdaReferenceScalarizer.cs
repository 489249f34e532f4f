using Ctwa.Training.Scalarizers.Gram;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// MGDA as the reference implementation computes it, for comparison: a closed form for two objectives; for more, at most 200 projected
/// gradient steps of size 1/λ_max on the gradient 2Hw, whose Lipschitz constant is 2λ_max, so that the top mode swings with factor −1.
/// Optionally on each parameter slice by itself, as the reference solves on each rank's shard.
/// </summary>
/// <remarks>In the reference KL and entropy are inside every objective's gradient; here they are added after aggregation, as everywhere.</remarks>
internal sealed class MgdaReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state.</summary>
    public const string Method = "mgda/reference";

    private const int Version = 1, MostIterations = 200;
    private const string Coefficients = "coefficients";

    private readonly IReadOnlyList<string> objectives;
    private readonly MgdaScalarizerSpec options;

    /// <exception cref="ArgumentException">The reference has no such normalisation.</exception>
    public MgdaReferenceScalarizer(MgdaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (options.UsesGaps()) { throw new ArgumentException($"scalarizer.normalization is {options.Normalization}, which the reference implementation does not have; use none or l2.", nameof(options)); }
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Coefficients] = [.. objectives.Select(_ => 1.0 / objectives.Count)] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients([.. state.Vector(Coefficients)]);
    }

    /// <inheritdoc/>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        if (!options.PerSlice)
        {
            double[] whole = GradientCheck.RequireFinite(OfGram(signals.Gram), signals, objectives);
            return new(whole, state.With((Coefficients, [.. whole])));
        }

        // The reference logs each rank's weights and averages the logs.
        double[][] perSlice = [.. signals.SliceGrams.Select(gram => GradientCheck.RequireFinite(OfGram(gram), signals, objectives))];
        double[] mean = [.. objectives.Select((_, i) => perSlice.Average(slice => slice[i]))];
        return new(mean, state.With((Coefficients, [.. mean]))) { PerSlice = perSlice };
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal));
    }

    private double[] OfGram(double[,] gram)
    {
        if (options.Normalization == GradientNormalization.None) { return Weights(gram).Weights; }
        int count = gram.GetLength(0);
        double[] lengths = [.. GradientDiagnostics.Magnitudes(gram).Select(length => length > 0 ? length : 1)];
        var unit = new double[count, count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { unit[i, j] = gram[i, j] / lengths[i] / lengths[j]; }
        }

        return [.. Weights(unit).Weights.Select((weight, i) => weight / lengths[i])];
    }

    /// <summary>Weights, projections made, and whether the last one moved less than 1e-6.</summary>
    internal static (double[] Weights, int Iterations, bool Converged) Weights(double[,] gram)
    {
        int count = gram.GetLength(0);
        if (count == 1) { return ([1], 0, true); }
        if (count == 2)
        {
            double first = Math.Clamp((gram[1, 1] - gram[0, 1]) / Math.Max(gram[0, 0] - (2 * gram[0, 1]) + gram[1, 1], 1e-12), 0, 1);
            return ([first, 1 - first], 0, true);
        }

        double step = 1 / Math.Max(SymmetricEigen.Of(gram).Values.Max(), 1e-6);
        double[] weights = [.. Enumerable.Repeat(1.0 / count, count)];
        for (int iteration = 1; iteration <= MostIterations; iteration++)
        {
            double[] slope = SmallMatrix.Apply(gram, weights);
            double[] next = SimplexProjection.Of([.. weights.Select((weight, i) => weight - (step * 2 * slope[i]))]);
            double move = Math.Sqrt(next.Zip(weights, (a, b) => (a - b) * (a - b)).Sum());
            weights = next;
            if (move < 1e-6) { return (weights, iteration, true); }
        }

        return (weights, MostIterations, false);
    }
}
