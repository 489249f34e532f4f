namespace Ctwa.Training.Scalarizers;

/// <summary>
/// A scalarization method: a pure object that turns several objectives into one training signal.
/// It holds options only; everything that changes from step to step is in <see cref="ScalarizerState"/>,
/// which the run commits and checkpoints. No member mutates anything, so validation cannot move a method.
/// </summary>
public interface IScalarizer
{
    /// <summary>Signals to compute for this method; nothing else is computed.</summary>
    ScalarizerSignals Requires { get; }

    /// <summary>State before the first step.</summary>
    ScalarizerState Initial();

    /// <summary>Turns the step's scores into a training signal.</summary>
    /// <exception cref="ArgumentException">The signals do not fit the objectives of <paramref name="state"/>.</exception>
    Scalarization Weigh(StepSignals signals, ScalarizerState state);

    /// <summary>
    /// Coefficients of the per-objective gradients, for methods that require <see cref="ScalarizerSignals.GradientGram"/>;
    /// called once per optimizer update, with the state that it returns going into the next.
    /// </summary>
    /// <param name="gram">Gram matrix G_ij = ⟨g_i, g_j⟩ of the objectives' gradients, shape [M, M], float64.</param>
    /// <exception cref="NotSupportedException">The method does not use gradients.</exception>
    (double[] Coefficients, ScalarizerState State) Solve(double[,] gram, ScalarizerState state) =>
        throw new NotSupportedException($"{GetType().Name} does not use gradients.");

    /// <summary>What the step did gives the next state and the method's own metrics.</summary>
    Observation Observe(StepOutcome outcome, ScalarizerState state);
}

/// <summary>Signals that a method may require besides the scores.</summary>
[Flags]
public enum ScalarizerSignals
{
    /// <summary>Scores only.</summary>
    None = 0,

    /// <summary>
    /// Per-completion clipped weight of the policy gradient re-measured under the updated policy
    /// (<see cref="StepOutcome.PostUpdate"/>): one more forward pass per step.
    /// </summary>
    PostUpdateRatios = 1,

    /// <summary>Exact global Gram matrix of the objectives' gradients, per optimizer update.</summary>
    GradientGram = 2,
}

/// <summary>What a method did with a step's scores.</summary>
public abstract record Scalarization
{
    private Scalarization() { }

    /// <summary>One scalar reward per completion; the advantage estimator runs on it.</summary>
    /// <param name="Rewards">Shape [B]; value of dropped samples is ignored.</param>
    /// <param name="Weights">Weights used, shape [M], for metrics.</param>
    public sealed record OfRewards(double[] Rewards, double[] Weights) : Scalarization;

    /// <summary>The estimator runs per objective; advantages are combined with these weights, shape [M].</summary>
    public sealed record OfAdvantages(double[] Weights) : Scalarization;

    /// <summary>Per-objective gradients are combined by <see cref="IScalarizer.Solve"/>. Weights are those of the last solution, for metrics.</summary>
    public sealed record OfGradients(double[] Weights) : Scalarization;
}

/// <summary>Scores of one step, known before any gradient.</summary>
public sealed record StepSignals
{
    /// <summary>RL step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Scores r_bj, shape [B, M]; rows where <see cref="Valid"/> is false are meaningless.</summary>
    public required double[,] Scores { get; init; }

    /// <summary>Index of the prompt that a completion answers, shape [B]; equal numbers form a group.</summary>
    public required int[] Groups { get; init; }

    /// <summary>Response lengths in tokens, shape [B].</summary>
    public required int[] Lengths { get; init; }

    /// <summary>False for samples dropped by a reward's failure policy, shape [B].</summary>
    public required bool[] Valid { get; init; }
}

/// <summary>What is known after the step's updates.</summary>
public sealed record StepOutcome
{
    /// <summary>The signals that <see cref="IScalarizer.Weigh"/> saw.</summary>
    public required StepSignals Signals { get; init; }

    /// <summary>
    /// Weight with which each completion entered the policy gradient at the policy that sampled it (ratio 1, nothing
    /// clipped): its mean token advantage, shape [B].
    /// </summary>
    public required double[] TrainingSignal { get; init; }

    /// <summary>
    /// The same under the updated policy, w = Â·(1/L)Σ ρ_l·1[unclipped_l], shape [B]; present only if
    /// <see cref="ScalarizerSignals.PostUpdateRatios"/> is required.
    /// </summary>
    public double[]? PostUpdate { get; init; }
}

/// <summary>Result of <see cref="IScalarizer.Observe"/>.</summary>
/// <param name="State">State of the next step.</param>
/// <param name="Metrics">
/// The method's own metrics, one number per objective, keyed by the metric's first segment: "covariance_ema" becomes
/// <c>covariance_ema/accuracy</c> and so on.
/// </param>
public sealed record Observation(ScalarizerState State, IReadOnlyDictionary<string, double[]> Metrics);
