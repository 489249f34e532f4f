using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// CTWA without targets, rate or integrator: what the controller of arXiv 2602.06869 tends to when its targets are out of
/// reach, solved for instead of waited for.
/// <code>
/// C̄ ← bias-corrected moving average of C, rate τ, this step's samples included       C_jk = within-prompt Cov(r_j, r_k)
/// λ  = argmax over λ ≥ 0 of min_j corr_C̄(r_j, Σ_k λ_k r_k) / p_j                      p = the objectives' weights
/// </code>
/// Raising a log-weight while its correlation lies below c* descends ½‖Σ_j μ_j z_j‖² on the simplex (z: standardised
/// rewards) when c* cannot be reached; its rest is the minimum, where all correlations are equal. By the covariance law
/// that is the direction in which the objective that gains least gains most. Because C is known before the update, the
/// first step is weighed right, where an integrator has lost an objective by the time that it has moved; and because
/// nothing accumulates, there is nothing to drift.
/// </summary>
public sealed class CtwaBalancedScalarizer : IScalarizer
{
    /// <summary>Name in the state; other than that of the controller with targets, so that neither resumes the other's run.</summary>
    public const string Method = "ctwa/balanced";

    internal const string Moments = "moments", Peak = "peak_variance";

    /// <summary>
    /// Smallest share of its largest variance with which an objective is standardised: when the last few failures of a
    /// nearly solved objective carry its whole variance, dividing by it would let them outweigh everything else.
    /// </summary>
    private const double VarianceFloor = 0.01;

    private const int Version = 1;

    private readonly IReadOnlyList<string> objectives;
    private readonly CtwaScalarizerSpec options;
    private readonly double[] start;

    /// <exception cref="ArgumentException">Weights cannot be normalised or are 0, there are targets, or floor and cap do not fit the number of objectives.</exception>
    public CtwaBalancedScalarizer(CtwaScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (options.Targets is not null || options.ObjectiveTargets is not null) { throw new ArgumentException("scalarizer.targets and objective_targets belong to the controller; leave both out for balanced correlations.", nameof(options)); }
        CtwaTargets.RequireBounds(options, objectives.Count);
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        start = ObjectiveWeights.Normalize([.. objectives.Select(objective => objective.Weight)]);
        if (start.Any(weight => weight <= 0)) { throw new ArgumentException($"the objectives' weights are {ObjectiveWeights.Show(start)}; they are the wanted proportions of the correlations, so each must be positive.", nameof(objectives)); }
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    /// <inheritdoc/>
    public ScalarizerState Initial() => new()
    {
        Method = Method, Version = Version, Objectives = objectives,
        Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            [Moments] = new double[start.Length * start.Length], [Moments + "_weight"] = new double[start.Length * start.Length],
            [Peak] = new double[start.Length],
        },
    };

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        double[] weights = Solve(Next(signals, state)).Weights;
        return new Scalarization.OfRewards(ObjectiveWeights.Combine(signals, weights), weights);
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var next = Next(outcome.Signals, state);
        var (weights, balanced) = Solve(next);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["correlation_balanced"] = balanced, ["log_weight"] = [.. weights.Select(weight => Math.Log(weight))],
        });
    }

    private ScalarizerState Next(StepSignals signals, ScalarizerState state)
    {
        var average = MovingAverage.Read(state, Moments).Next(WithinPromptMoments.Of(signals), options.EmaRate);
        var next = average.Write(state, Moments);
        return next.With((Peak, [.. state.Vector(Peak).Select((peak, j) => Math.Max(peak, average.Value(j * (start.Length + 1))))]));
    }

    /// <summary>Weights from a state that includes the step, and the correlations they aim at (0 where an objective never varied).</summary>
    private (double[] Weights, double[] Balanced) Solve(ScalarizerState state)
    {
        int width = start.Length;
        double[] moments = MovingAverage.Read(state, Moments).Values(), peak = state.Vector(Peak), balanced = new double[width];
        int[] varying = [.. Enumerable.Range(0, width).Where(j => moments[j * (width + 1)] > 0)];
        double[] weights = [.. start];
        if (varying.Length > 1)
        {
            double[] sub = [.. varying.SelectMany(j => varying.Select(k => moments[(j * width) + k]))];
            var (standardised, correlations) = CorrelationBalance.Solve(sub, [.. varying.Select(j => start[j])]);
            double[] raw = [.. varying.Select((j, i) => standardised[i] / Math.Sqrt(Math.Max(moments[j * (width + 1)], VarianceFloor * peak[j])))];

            // What never varied within a prompt keeps its start weight: it says nothing, and changes nothing.
            double share = varying.Sum(j => start[j]), sum = raw.Sum();
            for (int i = 0; i < varying.Length; i++) { (weights[varying[i]], balanced[varying[i]]) = (raw[i] / sum * share, correlations[i]); }
        }

        return (ObjectiveWeights.SoftmaxWithBounds([.. weights.Select(weight => Math.Log(weight))], options.Floor, options.Cap), balanced);
    }
}
