using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Maximise J_0 subject to J_k ≥ γ_k by its Lagrangian, corrected:
/// <code>
/// A      = (A_0 + Σ_k λ_k A_k) / (1 + Σ_k λ_k)        A_j: advantages of objective j on its own
/// gap_k  = γ_k − R̄_k                                   R̄: bias-corrected moving average of the mean scores, rate τ
/// linear: λ_k ← [λ_k + η gap_k]                        in [0, λ_max]
/// log:    ln λ_k ← ln λ_k + η gap_k                    in [SmallestLog, λ_max]   (Safe RLHF, arXiv 2310.12773)
/// pid:    λ_k ← [K_P gap_k + I_k + K_D [gap_k − gap'_k]₊],  I_k ← [I_k + η gap_k] in [0, λ_max]   (arXiv 2007.03964)
/// </code>
/// Against the reference implementation: the combination is a mean, so the step size does not grow with λ; λ is bounded; the gap
/// is not one batch's noise; the primary objective is named; the multipliers of a step are those before it, so what is logged
/// is what was used.
/// </summary>
public sealed class LagrangianScalarizer : IScalarizer
{
    /// <summary>Name in the job file.</summary>
    public const string Method = "lagrangian";

    internal const string Lambda = "lambda", Integral = "integral", Gap = "gap", ScoreEma = "score_ema";

    private const int Version = 1;
    private const double DefaultLogStart = 0.1, DefaultGain = 0.1;

    /// <summary>Smallest λ of the log form: ln λ of a constraint that held for long would otherwise need as long to come back.</summary>
    private const double SmallestLog = 1e-3;

    private readonly IReadOnlyList<string> objectives;
    private readonly LagrangianScalarizerSpec options;
    private readonly int primary;
    private readonly double[] constraints;

    /// <exception cref="ArgumentException">There is no such primary objective, constraints do not fit the others, or the start exceeds the bound.</exception>
    public LagrangianScalarizer(LagrangianScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        this.options = options;
        this.objectives = [.. objectives.Select(objective => objective.Name)];
        primary = options.PrimaryIndex(objectives);
        constraints = LagrangianConstraints.Expand(options, objectives.Count, primary);
        if (Start > options.LambdaMax) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.lambda_start is {Start}, more than lambda_max {options.LambdaMax}; give at most that."), nameof(options)); }
        if (Start <= 0 && options.DualUpdate == DualUpdate.Log) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.lambda_start is {Start}; with dual_update: log it must be positive."), nameof(options)); }
    }

    /// <summary>The method in the mode that the options name.</summary>
    /// <exception cref="ArgumentException">Options do not fit the objectives.</exception>
    public static ScalarizerSetup Create(LagrangianScalarizerSpec options, IReadOnlyList<ObjectiveSpec> objectives)
    {
        var setup = options.Mode == MethodMode.Reference
            ? ScalarizerSetup.Reference(new LagrangianReferenceScalarizer(options, objectives), Method, "advantages are not normalised and grow with the multipliers, multipliers are unbounded, they follow one batch and move before the step that they weigh")
            : ScalarizerSetup.Of(new LagrangianScalarizer(options, objectives));
        string[] unused = ["scalarizer 'lagrangian' does not use the objectives' weights: the multipliers weigh the constraints against the primary objective."];
        return objectives.Any(objective => objective.Weight != objectives[0].Weight) ? setup with { Warnings = [.. setup.Warnings, .. unused] } : setup;
    }

    /// <inheritdoc/>
    public ScalarizerSignals Requires => ScalarizerSignals.None;

    private double Start => options.LambdaStart ?? (options.DualUpdate == DualUpdate.Log ? DefaultLogStart : 0);

    /// <inheritdoc/>
    public ScalarizerState Initial()
    {
        int count = objectives.Count;
        double[] lambda = [.. Enumerable.Range(0, count).Select(j => j == primary ? 0 : Start)];
        return new()
        {
            Method = Method, Version = Version, Objectives = objectives,
            Vectors = new SortedDictionary<string, double[]>(StringComparer.Ordinal)
            {
                [Lambda] = lambda, [Integral] = [.. lambda], [Gap] = new double[count], [Gap + "_known"] = [0],
                [ScoreEma] = new double[count], [ScoreEma + "_weight"] = new double[count],
            },
        };
    }

    /// <inheritdoc/>
    public Scalarization Weigh(StepSignals signals, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(signals, objectives);
        return new Scalarization.OfAdvantages(Weights(state.Vector(Lambda)));
    }

    /// <inheritdoc/>
    public Observation Observe(StepOutcome outcome, ScalarizerState state)
    {
        state.Require(Method, Version, objectives);
        ObjectiveCheck.Require(outcome.Signals, objectives);
        var scores = MovingAverage.Read(state, ScoreEma).Next(StepDiagnostics.Means(outcome.Signals), options.EmaRate);
        double[] lambda = [.. state.Vector(Lambda)], integral = [.. state.Vector(Integral)], before = state.Vector(Gap), gap = new double[lambda.Length];
        bool known = state.Vector(Gap + "_known")[0] > 0;
        for (int j = 0; j < lambda.Length; j++)
        {
            if (j == primary || !scores.IsKnown(j)) { continue; }
            gap[j] = constraints[j] - scores.Value(j);
            integral[j] = Math.Clamp(integral[j] + (options.DualLearningRate * gap[j]), 0, options.LambdaMax);
            double rise = known ? Math.Max(0, gap[j] - before[j]) : 0;
            lambda[j] = options.DualUpdate switch
            {
                DualUpdate.Log => Math.Clamp(lambda[j] * Math.Exp(options.DualLearningRate * gap[j]), Math.Min(SmallestLog, options.LambdaMax), options.LambdaMax),
                DualUpdate.Pid => Math.Clamp(((options.ProportionalGain ?? DefaultGain) * gap[j]) + integral[j] + ((options.DerivativeGain ?? DefaultGain) * rise), 0, options.LambdaMax),
                _ => Math.Clamp(lambda[j] + (options.DualLearningRate * gap[j]), 0, options.LambdaMax),
            };
        }

        var next = scores.Write(state.With((Lambda, lambda), (Integral, integral), (Gap, gap), (Gap + "_known", [1])), ScoreEma);
        return new(next, new SortedDictionary<string, double[]>(StringComparer.Ordinal)
        {
            ["constraint_gap"] = Constrained(gap), ["lambda"] = Constrained(state.Vector(Lambda)), ["score_ema"] = scores.Values(),
        });
    }

    private double[] Weights(double[] lambda)
    {
        double sum = 1 + lambda.Sum();
        return [.. lambda.Select((value, j) => (j == primary ? 1 : value) / sum)];
    }

    /// <summary>The primary objective has neither multiplier nor gap: NaN, which metrics leave out.</summary>
    private double[] Constrained(double[] values) => [.. values.Select((value, j) => j == primary ? double.NaN : value)];
}

/// <summary>What both modes of the Lagrangian read from the job.</summary>
internal static class LagrangianConstraints
{
    /// <summary>Constraint of each objective, shape [M]; that of the primary one is not used.</summary>
    /// <exception cref="ArgumentException">There is not one finite constraint per objective without the primary.</exception>
    public static double[] Expand(LagrangianScalarizerSpec options, int count, int primary)
    {
        if (options.Constraints is null) { throw new ArgumentException("scalarizer.constraints are missing; give the mean score that each objective but the primary shall reach, or one for all.", nameof(options)); }
        double[] values;
        try { values = options.Constraints.Expand(count - 1); }
        catch (ArgumentException error) { throw new ArgumentException($"scalarizer.constraints are for the {count - 1} objectives without the primary: {error.Message}", error); }

        if (!values.All(double.IsFinite)) { throw new ArgumentException($"scalarizer.constraints are {ObjectiveWeights.Show(values)}; they are finite numbers.", nameof(options)); }
        return [.. values[..primary], 0, .. values[primary..]];
    }
}
