using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Covariance-targeted weight adaptation (arXiv 2602.06869) with given targets, corrected: an objective's weight rises while its
/// within-prompt correlation with the training signal lies below its target, and falls back to its start otherwise.
/// <code>
/// c_j  = mean over informative prompts of corr(r_j, w)         w = pre-update training signal: no extra forward pass
/// c̄_j  = bias-corrected moving average of c_j, rate τ          unchanged by a step without informative prompts
/// δ_j  = [c*_j − c̄_j]₊                                         0 behind the gate, and 0 without evidence in this step
/// u_j  ← (1 − ρ)u_j + ρ u⁰_j + η δ_j                           u⁰ = log of the normalised start weights
/// λ    = softmax(u), no weight below the floor or above the cap   r_b = Σ_j λ_j r_bj
/// </code>
/// Differences from the paper's box, each because of a defect seen in the reference implementation: correlations instead
/// of covariances (covariances shrink as rewards saturate, so fixed targets become unreachable; correlations are
/// scale-free); groups without variance are left out instead of counting as 0; the leak ρ bounds the log-weights,
/// |u_j − u⁰_j| ≤ η·max δ/ρ, where without it they grow for as long as a target is unreachable; the simplex removes the
/// common scale of the weights, which acts as a learning rate in estimators without normalisation.
/// </summary>
public sealed class CtwaScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "ctwa";

    internal const string LogWeights = "log_weights", CorrelationEma = "correlation_ema", ScoreEma = "score_ema";

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly CtwaScalarizerSpec options;
    private readonly double[] start;
    private readonly double[] targets;
    private readonly double[] gates;

    /// <exception cref="ArgumentException">Targets do not fit the objectives or are no correlations, weights cannot be normalised, or floor and cap do not fit their number.</exception>
    public CtwaScalarizer(CtwaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        int count = objectives.Count;
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        CtwaTargets.RequireBounds(options, count);
        (targets, gates) = CtwaTargets.Expand(options, count);
        if (targets.Any(target => target is < -1 or > 1)) { throw new ArgumentException($"scalarizer.targets are {ObjectiveWeights.Show(targets)}; in mode corrected they are correlations, between -1 and 1.", nameof(options)); }
        start = CtwaTargets.StartLogWeights(objectives);
    }

    /// <summary>The method that the options name: balanced (no targets), the corrected controller, or the reference's.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(CtwaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (options.Mode == MethodMode.Reference)
        {
            return ScalarizerSetup.Reference(new CtwaReferenceScalarizer(options, objectives), Method, "weights only grow, are not normalised, and grow without bound if a target is unreachable; groups without variance count as covariance 0; every step has one more forward pass");
        }

        if (options.Targets is null) { return ScalarizerSetup.Of(new CtwaBalancedScalarizer(options, objectives)); }
        var method = new CtwaScalarizer(options, objectives);
        var warnings = new List<string>();
        if (options.Leak <= 0) { warnings.Add("scalarizer 'ctwa' has leak: 0, so nothing pulls log-weights back: a target that cannot be reached raises its weight until all others lie at the floor."); }
        double squares = method.targets.Sum(target => Math.Max(0, target) * Math.Max(0, target));
        if (squares > 1) { warnings.Add(FormattableString.Invariant($"scalarizer 'ctwa' has targets whose squares sum to {squares:0.##}: correlations like these are out of reach unless the objectives are positively correlated themselves (for uncorrelated ones the sum is at most 1).")); }
        return new(method, warnings);
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            [LogWeights] = [.. start],
            [CorrelationEma] = new double[start.Length], [CorrelationEma + "_weight"] = new double[start.Length],
            [ScoreEma] = new double[start.Length], [ScoreEma + "_weight"] = new double[start.Length],
        },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] weights = Weights(state);
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), weights);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        var signals = outcome.Signals;
        ObjectiveCheck.Require(signals, objectives);
        ObjectiveCheck.Require(outcome.TrainingSignal, signals, "training signal");
        var statistics = WithinPromptStatistics.Compute(signals.Scores, outcome.TrainingSignal, signals.Groups, signals.Valid);
        var correlation = MovingAverage.Read(state, CorrelationEma).Next(statistics.Correlation, options.EmaRate);
        var score = MovingAverage.Read(state, ScoreEma).Next(StepDiagnostics.Means(signals), options.EmaRate);

        double[] logWeights = [.. state.Vector(LogWeights)], deficit = new double[start.Length];
        for (int j = 0; j < start.Length; j++)
        {
            // No informative prompt means no evidence that the weight is too small, and a larger one could change
            // nothing in such a batch; without this rule the deficit of a saturated objective would never close.
            bool evidence = statistics.InformativeGroups[j] > 0 && correlation.IsKnown(j);
            bool reached = score.IsKnown(j) && score.Value(j) >= gates[j];
            deficit[j] = evidence && !reached ? Math.Max(0, targets[j] - correlation.Value(j)) : 0;
            logWeights[j] = ((1 - options.Leak) * logWeights[j]) + (options.Leak * start[j]) + (options.LearningRate * deficit[j]);
        }

        double[] budget = CtwaTargets.Budget(signals, Weights(state), targets, areCorrelations: true);
        var next = score.Write(correlation.Write(state.With((LogWeights, logWeights)), CorrelationEma), ScoreEma);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["correlation_ema"] = correlation.Values(), ["deficit"] = deficit, ["log_weight"] = [.. logWeights],
            ["score_ema"] = score.Values(), ["target_budget"] = budget,
        })
        { Scalars = new SortedDictionary<string, double>(StringComparer.Ordinal) { ["target_feasibility"] = budget.Sum() } };
    }

    private double[] Weights(ScalarizerState state) => ObjectiveWeights.SoftmaxWithBounds(state.Vector(LogWeights), options.Floor, options.Cap);
}
