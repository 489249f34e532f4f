using Ctwa.Training.Advantages;

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
    /// called once per optimizer update that measures a Gram matrix, with the state that it returns going into the next.
    /// </summary>
    /// <exception cref="NotSupportedException">The method does not use gradients.</exception>
    GradientSolution Solve(GradientSignals signals, ScalarizerState state) =>
        throw new NotSupportedException($"{GetType().Name} does not use gradients.");

    /// <summary>
    /// Validation scores give the next state, for methods that require <see cref="ScalarizerSignals.ValidationScores"/> and are
    /// guided by them on purpose. No other method is told of a validation.
    /// </summary>
    /// <param name="means">Mean score of each objective on the validation prompts, shape [M].</param>
    ScalarizerState ObserveValidation(double[] means, ScalarizerState state) => state;

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

    /// <summary>
    /// Gram matrix of the objectives' gradients over all of the step's prompts, measured before <see cref="IScalarizer.Weigh"/>
    /// (<see cref="StepSignals.Gram"/>): one more forward and M more backward passes. The gradients themselves are not used.
    /// </summary>
    GramBeforeWeighing = 4,

    /// <summary>Every validation's mean scores, by <see cref="IScalarizer.ObserveValidation"/>.</summary>
    ValidationScores = 8,

    /// <summary>The estimator's advantages of each objective on its own, before weighing (<see cref="StepSignals.ObjectiveAdvantages"/>).</summary>
    ObjectiveAdvantages = 16,

    /// <summary>The reference policy is kept even if the loss has no KL term.</summary>
    ReferencePolicy = 32,

    /// <summary>
    /// How far the policy that sampled has moved from the reference policy (<see cref="StepSignals.ReferenceOpen"/>): one more
    /// forward pass, of the reference policy, before <see cref="IScalarizer.Weigh"/>. Comes with <see cref="ReferencePolicy"/>.
    /// </summary>
    ReferenceRatios = 64,
}

/// <summary>What a method did with a step's scores.</summary>
public abstract record Scalarization
{
    private Scalarization() { }

    /// <summary>Weights of the objectives, shape [M], for metrics.</summary>
    public abstract double[] Weights { get; init; }

    /// <summary>One scalar reward per completion; the advantage estimator runs on it.</summary>
    /// <param name="Rewards">Shape [B]; value of dropped samples is ignored.</param>
    public sealed record OfRewards(double[] Rewards, double[] Weights) : Scalarization
    {
        /// <inheritdoc/>
        public override double[] Weights { get; init; } = Weights;

        /// <summary>
        /// Reward of every token before a completion's last one (reference Tchebycheff charges them, padding included); 0: the
        /// reward comes with the last token only, as everywhere else.
        /// </summary>
        public double EarlierTokenReward { get; init; }
    }

    /// <summary>The estimator runs per objective; advantages are combined with these weights, shape [M].</summary>
    public sealed record OfAdvantages(double[] Weights) : Scalarization
    {
        /// <inheritdoc/>
        public override double[] Weights { get; init; } = Weights;

        /// <summary>Token advantages below 0 count as 0, per objective, before they are combined (Noon-PPO, arXiv 2508.07768).</summary>
        public bool NonNegative { get; init; }
    }

    /// <summary>The method makes the advantages itself, one per completion for all of its tokens; no estimator runs.</summary>
    /// <param name="Advantages">Shape [B]; value of dropped samples is ignored.</param>
    public sealed record OfCompletions(double[] Advantages, double[] Weights) : Scalarization
    {
        /// <inheritdoc/>
        public override double[] Weights { get; init; } = Weights;

        /// <summary>The ratio of the policy loss is taken to the reference policy instead of the policy that sampled (PAMA's surrogate).</summary>
        public bool RatioToReference { get; init; }
    }

    /// <summary>Per-objective gradients, with the estimator run per objective, are combined by <see cref="IScalarizer.Solve"/>.</summary>
    /// <param name="Weights">Those of the last solution, for metrics.</param>
    public sealed record OfGradients(double[] Weights) : Scalarization
    {
        /// <inheritdoc/>
        public override double[] Weights { get; init; } = Weights;
    }
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

    /// <summary>G_ij = ⟨g_i, g_j⟩, shape [M, M]; present only if <see cref="ScalarizerSignals.GramBeforeWeighing"/> is required.</summary>
    public double[,]? Gram { get; init; }

    /// <summary>Advantages of each objective on its own, [M]; present only if <see cref="ScalarizerSignals.ObjectiveAdvantages"/> is required.</summary>
    public IReadOnlyList<OutcomeAdvantages>? ObjectiveAdvantages { get; init; }

    /// <summary>
    /// Share of each completion's tokens at which π_sampled/π_reference ≤ 1 + <c>loss.clip_high</c> (its logarithm cut at ±20),
    /// shape [B]; present only if <see cref="ScalarizerSignals.ReferenceRatios"/> is required.
    /// </summary>
    public double[]? ReferenceOpen { get; init; }

    /// <summary>Learning rate of the step's first update.</summary>
    public double LearningRate { get; init; }
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
public sealed record Observation(ScalarizerState State, IReadOnlyDictionary<string, double[]> Metrics)
{
    /// <summary>The method's metrics that belong to no single objective, by name: "hypervolume" and so on.</summary>
    public IReadOnlyDictionary<string, double> Scalars { get; init; } = new SortedDictionary<string, double>(StringComparer.Ordinal);
}
