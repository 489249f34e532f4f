using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// The Lagrangian as the reference implementation computes it, for comparison: λ ← [λ + η(γ − R̄)]₊ from the batch, before the
/// combination A_0 + Σ λ_k A_k with the first objective as the primary one; neither bounded nor normalised.
/// </summary>
public sealed class LagrangianReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state; other than the corrected mode's, so that neither resumes the other's run.</summary>
    public const string Method = "lagrangian/reference";

    private const int Version = 1;
    private const string Lambda = "lambda";

    private readonly IReadOnlyList<string> objectives;
    private readonly LagrangianScalarizerSpec options;
    private readonly double[] constraints;

    /// <exception cref="ArgumentException">There is not one constraint for each objective after the first.</exception>
    public LagrangianReferenceScalarizer(LagrangianScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        constraints = LagrangianConstraints.Expand(options, objectives.Count, primary: 0);
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Lambda] = [.. objectives.Select((_, j) => j == 0 ? 0 : options.LambdaStart ?? 0)] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfAdvantages([1, .. Next(signals, state).Lambda[1..]]);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var (lambda, gap, primaryLoss) = Next(outcome.Signals, state);
        double value = primaryLoss;
        for (int j = 1; j < lambda.Length; j++) { value += lambda[j] * gap[j]; }
        return new(state.With((Lambda, lambda)), new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["constraint_gap"] = [double.NaN, .. gap[1..]], ["lambda"] = [double.NaN, .. lambda[1..]],
        })
        { Scalars = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["lagrangian_value"] = value } };
    }

    private (double[] Lambda, double[] Gap, double PrimaryLoss) Next(StepSignals signals, ScalarizerState state)
    {
        double[] means = StepDiagnostics.Means(signals), lambda = [.. state.Vector(Lambda)], gap = new double[lambda.Length];
        for (int j = 1; j < lambda.Length; j++)
        {
            gap[j] = constraints[j] - means[j];
            lambda[j] = Math.Max(0, lambda[j] + (options.DualLearningRate * gap[j]));
        }

        return (lambda, gap, -means[0]);
    }
}
