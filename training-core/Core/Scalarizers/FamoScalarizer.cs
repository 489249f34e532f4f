using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// FAMO (arXiv 2306.03792) on reward gaps. It balances the rates at which logarithms of positive losses fall; a policy-gradient
/// loss is neither positive nor does it fall, so the gaps to an ideal score take its place:
/// <code>
/// D_i  = z_i − R̄_i + ε &gt; 0                                  R̄: moving average of mean scores, this step's included
/// δ_i  = log D_i(before) − log D_i(now)                       what the last update achieved
/// g    = Jᵀδ, J = ∂softmax(ξ)/∂ξ;  ξ ← Adam(ξ, g + γ(ξ − ξ⁰))  those that fell fast lose weight
/// c_i  = (p_i/D_i) / Σ_k (p_k/D_k),  p = softmax(ξ)           r_b = Σ_i c_i r_bi
/// </code>
/// c is the gradient of Σ p_i log D_i with the normalisation of LibMTL's implementation; ξ⁰ = log of the objectives' weights.
/// </summary>
public sealed class FamoScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "famo";

    internal const string Ideal = RunningIdeal.Ideal, ScoreEma = "score_ema", Logits = "logits", FirstMoment = "adam_m", SecondMoment = "adam_v", AdamSteps = "adam_steps";

    private const int Version = 1;
    private const double Beta1 = 0.9, Beta2 = 0.999, AdamEpsilon = 1e-8;

    private readonly IReadOnlyList<string> objectives;
    private readonly FamoScalarizerSpec options;
    private readonly double[]? ideal;
    private readonly double[] start;

    /// <exception cref="ArgumentException">A weight or ε is not positive, or the ideal does not fit the objectives.</exception>
    public FamoScalarizer(FamoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        ideal = PerObjective.Expand(options.Ideal, objectives.Count, "ideal");
        if (!(options.Epsilon > 0)) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.epsilon is {options.Epsilon}; gaps are divided by, so it must be positive."), nameof(options)); }
        double[] weights = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (weights.Any(weight => weight <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(weights)}; famo starts from their logarithms, so each must be positive.", nameof(objectives)); }
        // Equal weights give 0, as in LibMTL; a common shift changes no weight.
        start = [.. weights.Select(weight => Math.Log(weight * weights.Length))];
    }

    /// <summary>The method.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(FamoScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives) => ScalarizerSetup.Of(new FamoScalarizer(options, objectives));

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(new Dictionary<string, double[]>(RunningIdeal.Initial(ideal, start.Length)), StringComparer.Ordinal)
        {
            [ScoreEma] = new double[start.Length], [ScoreEma + "_weight"] = new double[start.Length],
            [Logits] = [.. start], [FirstMoment] = new double[start.Length], [SecondMoment] = new double[start.Length], [AdamSteps] = [0],
        },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] weights = Weights(Next(signals, state));
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), weights);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var next = Next(outcome.Signals, state);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["gap"] = Gaps(MovingAverage.Read(next, ScoreEma), next.Vector(Ideal)), ["ideal"] = [.. next.Vector(Ideal)], ["logit"] = [.. next.Vector(Logits)],
        });
    }

    /// <summary>State that includes the step: its scores tell what the update before it achieved.</summary>
    private ScalarizerState Next(StepSignals signals, ScalarizerState state)
    {
        var before = MovingAverage.Read(state, ScoreEma);
        var now = before.Next(StepDiagnostics.Means(signals), options.EmaRate);
        var next = now.Write(RunningIdeal.Next(signals, state, ideal is not null), ScoreEma);
        if (!before.IsKnown(0)) { return next; }

        // Both gaps to the same ideal: an ideal that has risen is no regress of the policy.
        double[] point = next.Vector(Ideal), was = Gaps(before, point), isNow = Gaps(now, point), shares = ObjectiveWeights.SoftmaxWithFloor(state.Vector(Logits), 0);
        double[] fall = [.. was.Select((gap, j) => Math.Log(gap) - Math.Log(isNow[j]))];
        double mean = shares.Zip(fall, (share, one) => share * one).Sum(), steps = state.Vector(AdamSteps)[0] + 1;
        double[] logits = [.. state.Vector(Logits)], first = [.. state.Vector(FirstMoment)], second = [.. state.Vector(SecondMoment)];
        for (int j = 0; j < logits.Length; j++)
        {
            double gradient = (shares[j] * (fall[j] - mean)) + (options.Decay * (logits[j] - start[j]));
            first[j] = (Beta1 * first[j]) + ((1 - Beta1) * gradient);
            second[j] = (Beta2 * second[j]) + ((1 - Beta2) * gradient * gradient);
            logits[j] -= options.LearningRate * (first[j] / (1 - Math.Pow(Beta1, steps))) / (Math.Sqrt(second[j] / (1 - Math.Pow(Beta2, steps))) + AdamEpsilon);
        }

        return next.With((Logits, logits), (FirstMoment, first), (SecondMoment, second), (AdamSteps, [steps]));
    }

    /// <summary>D, shape [M]: at least ε, also where the mean has passed a given ideal.</summary>
    private double[] Gaps(MovingAverage scores, double[] point) => [.. point.Select((z, j) => Math.Max(0, z - scores.Value(j)) + options.Epsilon)];

    private double[] Weights(ScalarizerState state)
    {
        double[] gaps = Gaps(MovingAverage.Read(state, ScoreEma), state.Vector(Ideal));
        return ObjectiveWeights.Normalize([.. ObjectiveWeights.SoftmaxWithFloor(state.Vector(Logits), 0).Select((share, j) => share / gaps[j])]);
    }
}
