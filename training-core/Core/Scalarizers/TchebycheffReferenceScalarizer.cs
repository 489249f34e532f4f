using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Tchebycheff as the reference implementation computes it, for comparison: s = −max_i w_i (z_i − r_i) on token rewards, which
/// are 0 before a completion's last token and in the padding. So those tokens are charged max w·z, and z is at least 0.
/// </summary>
public sealed class TchebycheffReferenceScalarizer : IScalarizer
{
    /// <summary>Name in the state; other than the corrected mode's, so that neither resumes the other's run.</summary>
    public const string Method = "tchebycheff/reference";

    internal const string Ideal = "ideal";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly ReferencePoint source;
    private readonly double[]? ideal;
    private readonly double[] weights;

    /// <exception cref="ArgumentException">The ideal does not fit the objectives.</exception>
    public TchebycheffReferenceScalarizer(TchebycheffScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        source = options.ReferencePoint;
        ideal = PerObjective.Expand(options.Ideal, objectives.Count, "ideal");
        // The reference holds them in float32, whatever the type of its rewards.
        weights = [.. objectives.Select(objective => (double)(float)objective.Weight)];
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        // The first batch's padding already puts the running maximum at 0 or above.
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal) { [Ideal] = ideal is null ? new double[weights.Length] : [.. ideal] },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] point = Point(signals, state), rewards = new double[signals.Valid.Length], scores = new double[weights.Length], binding = new double[weights.Length];
        int count = signals.Valid.Count(valid => valid);
        for (int b = 0; b < rewards.Length; b++)
        {
            if (!signals.Valid[b]) { continue; }
            for (int j = 0; j < scores.Length; j++) { scores[j] = signals.Scores[b, j]; }
            double[] distances = Distances(point, scores);
            rewards[b] = -distances.Max();
            int tied = distances.Count(distance => distance == -rewards[b]);
            for (int j = 0; j < scores.Length; j++) { binding[j] += distances[j] == -rewards[b] ? 1.0 / tied / count : 0; }
        }

        return new Scalarization.OfRewards(rewards, binding) { EarlierTokenReward = -Distances(point, new double[weights.Length]).Max() };
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        double[] point = Point(outcome.Signals, state);
        return new(state.With((Ideal, point)), new SortedDictionary<string, double[]>(StringComparer.Ordinal) { ["ideal"] = [.. point] });
    }

    private double[] Point(StepSignals signals, ScalarizerState state)
    {
        double[] point = ideal is null && source == ReferencePoint.BatchMax ? new double[weights.Length] : [.. state.Vector(Ideal)];
        for (int b = 0; b < signals.Valid.Length && ideal is null; b++)
        {
            for (int j = 0; j < point.Length && signals.Valid[b]; j++) { point[j] = Math.Max(point[j], signals.Scores[b, j]); }
        }

        return point;
    }

    private double[] Distances(double[] point, double[] scores) => [.. weights.Select((weight, j) => weight * (point[j] - scores[j]))];
}
