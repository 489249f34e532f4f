using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Methods that minimise a function g of the weighted distances w_i d_i to an ideal point z, at the level of completions:
/// <code>
/// d_i(r)   = (z_i − r_i)/(z_i − n_i) + ε                     without a nadir n: z_i − r_i + ε
/// sample:    r_b = −g(w ∘ d(r_b))
/// expected:  r_b = Σ_i c_i r_bi,  c_i ∝ ∂g/∂(w_i d_i)(R̄) · w_i/(z_i − n_i),  Σ c = 1     R̄: moving average of mean scores
/// </code>
/// z is given, or the largest score of any training completion so far (this step's included): validation cannot move it.
/// Distances are per completion, so neither padding nor length enters them.
/// </summary>
public abstract class IdealPointScalarizer : IScalarizer
{
    internal const string Ideal = RunningIdeal.Ideal, ScoreEma = "score_ema";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly IdealPointScalarizerSpec options;
    private readonly double[]? ideal;
    private readonly double[]? nadir;

    private protected IdealPointScalarizer(IdealPointScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        Preference = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        ideal = PerObjective.Expand(options.Ideal, objectives.Count, "ideal");
        nadir = PerObjective.Expand(options.Nadir, objectives.Count, "nadir");
        if (nadir is not null && ideal is null) { throw new ArgumentException("scalarizer.nadir needs ideal; give both or neither.", nameof(options)); }
        for (int j = 0; nadir is not null && j < nadir.Length; j++)
        {
            if (nadir[j] >= ideal![j]) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.nadir of '{this.objectives[j]}' is {nadir[j]}, not below its ideal {ideal[j]}."), nameof(options)); }
        }
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <summary>w, the objectives' weights, normalised to sum 1.</summary>
    private protected double[] Preference { get; }

    /// <summary>Name in the state.</summary>
    private protected abstract string Name { get; }

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Name, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(new Dictionary<string, double[]>(RunningIdeal.Initial(ideal, Preference.Length)), StringComparer.Ordinal)
        {
            [ScoreEma] = new double[Preference.Length], [ScoreEma + "_weight"] = new double[Preference.Length],
        },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Name, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        var next = Next(signals, state);
        return options.Form == DistanceForm.Expected ? OfMeans(signals, next) : OfSamples(signals, next);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Name, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var next = Next(outcome.Signals, state);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["distance"] = Distances(MovingAverage.Read(next, ScoreEma).Values(), next.Vector(Ideal)),
            ["ideal"] = [.. next.Vector(Ideal)], ["score_ema"] = MovingAverage.Read(next, ScoreEma).Values(),
        });
    }

    /// <summary>g and its partial derivatives, which are not negative and sum to 1.</summary>
    /// <param name="distances">w_i d_i, shape [M]; −∞ for objectives of weight 0, which do not take part.</param>
    /// <param name="shares">∂g/∂(w_i d_i), shape [M].</param>
    private protected abstract double Value(ReadOnlySpan<double> distances, Span<double> shares);

    private Scalarization OfSamples(StepSignals signals, ScalarizerState state)
    {
        double[] rewards = new double[signals.Valid.Length], binding = new double[Preference.Length], scores = new double[Preference.Length], shares = new double[Preference.Length];
        int count = signals.Valid.Count(valid => valid);
        for (int b = 0; b < rewards.Length; b++)
        {
            if (!signals.Valid[b]) { continue; }
            for (int j = 0; j < scores.Length; j++) { scores[j] = signals.Scores[b, j]; }
            rewards[b] = -Value(Weighted(Distances(scores, state.Vector(Ideal))), shares);
            for (int j = 0; j < scores.Length; j++) { binding[j] += shares[j] / count; }
        }

        return new Scalarization.OfRewards(rewards, binding);
    }

    private Scalarization OfMeans(StepSignals signals, ScalarizerState state)
    {
        double[] point = state.Vector(Ideal), shares = new double[Preference.Length];
        Value(Weighted(Distances(MovingAverage.Read(state, ScoreEma).Values(), point)), shares);
        for (int j = 0; j < shares.Length; j++) { shares[j] *= Preference[j] / (nadir is null ? 1 : point[j] - nadir[j]); }
        double[] weights = ObjectiveWeights.Normalize(shares);
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), weights);
    }

    private ScalarizerState Next(StepSignals signals, ScalarizerState state) =>
        MovingAverage.Read(state, ScoreEma).Next(StepDiagnostics.Means(signals), options.EmaRate).Write(RunningIdeal.Next(signals, state, ideal is not null), ScoreEma);

    private double[] Distances(double[] scores, double[] point) =>
        [.. scores.Select((score, j) => ((point[j] - score) / (nadir is null ? 1 : point[j] - nadir[j])) + options.Epsilon)];

    private double[] Weighted(double[] distances) => [.. distances.Select((distance, j) => Preference[j] > 0 ? Preference[j] * distance : double.NegativeInfinity)];
}
