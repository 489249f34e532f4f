using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// A method that solves for the coefficients of the objectives' gradients from their Gram matrix, anew at every solution: what it
/// remembers is the last coefficients, for the updates in between.
/// </summary>
internal sealed class GramScalarizer : IScalarizer
{
    private const int Version = 1;
    private const string Coefficients = "coefficients";

    private readonly string method;
    private readonly IReadOnlyList<string> objectives;
    private readonly double[] preference;
    private readonly bool rescale;
    private readonly Func<GradientSignals, double[], double[]> solve;

    /// <param name="options">Options, for the name and what all these methods have.</param>
    /// <param name="solve">(signals, preference) → α, shape [M].</param>
    /// <exception cref="ArgumentException">The weights cannot be normalised, or the mode is reference.</exception>
    public GramScalarizer(GramScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives, Func<GradientSignals, double[], double[]> solve)
    {
        method = options.MethodName();
        if (options.Mode == MethodMode.Reference) { throw new ArgumentException($"scalarizer.mode is reference, but the reference implementation has no {method}; use mode: corrected.", nameof(options)); }
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        rescale = options.Rescale;
        this.solve = solve;
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.GradientGram;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Coefficients] = [.. preference] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfGradients([.. state.Vector(Coefficients)]);
    }

    /// <inheritdoc/>
    public GradientSolution Solve(GradientSignals signals, ScalarizerState state)
    {
        state.Require(method, Version, objectives);
        GradientCheck.Require(signals, objectives);
        double[] coefficients = solve(signals, preference);
        if (rescale) { coefficients = StepLength.LikeMean(signals.Gram, coefficients, preference); }
        GradientCheck.RequireFinite(coefficients, signals, objectives);
        return new(coefficients, state.With((Coefficients, [.. coefficients])));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(method, Version, objectives);
        return new(state, new SortedDictionary<string, double[]>(StringComparer.Ordinal));
    }
}
