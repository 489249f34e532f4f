using Ctwa.Training.Advantages;
using Ctwa.Training.Scalarizers;

namespace Ctwa.Training.Steps;

/// <summary>A step's scores as a training signal: advantages for one gradient, or for one gradient per objective.</summary>
/// <param name="Advantages">Of every token of the step: one, or one per objective.</param>
/// <param name="Weights">Of the objectives, shape [M]; NaN in a step without a valid sample.</param>
internal sealed record StepSignal(IReadOnlyList<OutcomeAdvantages> Advantages, double[] Weights)
{
    /// <summary>How several advantages are combined; null: there is one, or the method solves for it.</summary>
    public double[]? Coefficients { get; init; }

    /// <summary>The method solves for the coefficients of the objectives' gradients.</summary>
    public bool Solves { get; init; }

    /// <summary>See <see cref="PolicyRows.RatioToReference"/>.</summary>
    public bool RatioToReference { get; init; }

    /// <summary>
    /// Lets the job's method weigh the scores and its estimator turn them into advantages. A step whose samples were
    /// all dropped has no signal: no method sees it, all advantages are 0.
    /// </summary>
    /// <param name="advantages">Of the step.</param>
    /// <exception cref="NotSupportedException">This build cannot run methods of that kind.</exception>
    public static async Task<StepSignal> OfAsync(PreparedJob job, StepSignals signals, StepAdvantages advantages, ScalarizerState state, CancellationToken cancellationToken)
    {
        int objectives = signals.Scores.GetLength(1), samples = signals.Lengths.Length;
        if (!signals.Valid.Contains(true)) { return new([OutcomeAdvantages.PerCompletion(new double[samples], signals.Lengths, signals.Valid)], [.. Enumerable.Repeat(double.NaN, objectives)]); }

        switch (job.Scalarizer!.Weigh(signals, state))
        {
            case Scalarization.OfRewards of:
                return new([await advantages.OfScalarAsync(of.Rewards, of.EarlierTokenReward, state, cancellationToken)], of.Weights);
            case Scalarization.OfAdvantages { NonNegative: false } of:
                return new([OutcomeAdvantages.Combine(await advantages.OfObjectivesAsync(penalized: true, cancellationToken), of.Weights)], of.Weights);
            case Scalarization.OfAdvantages of:
                // Cutting at 0 is not linear: the losses are combined instead of the advantages.
                return new([.. (await advantages.OfObjectivesAsync(penalized: true, cancellationToken)).Select(one => one with { NonNegative = true })], of.Weights) { Coefficients = of.Weights };
            case Scalarization.OfCompletions of:
                return new([OutcomeAdvantages.PerCompletion(of.Advantages, signals.Lengths, signals.Valid)], of.Weights) { RatioToReference = of.RatioToReference };
            case Scalarization.OfGradients of:
                return new(await advantages.OfObjectivesAsync(penalized: true, cancellationToken), of.Weights) { Solves = true };
            case var other:
                throw new NotSupportedException($"this build cannot run methods of kind {other.GetType().Name}.");
        }
    }

    /// <summary>
    /// Mean token advantage of each completion, shape [B]: the weight with which it entered the policy gradient at the policy
    /// that sampled it.
    /// </summary>
    /// <param name="coefficients">How several advantages were combined, shape [M].</param>
    public double[] TrainingSignal(double[] coefficients)
    {
        if (Advantages.Count == 1) { return Advantages[0].MeanTokenAdvantage(); }
        double[] signal = new double[Advantages[0].Value.Length];
        for (int m = 0; m < Advantages.Count; m++)
        {
            double[] means = Advantages[m].MeanTokenAdvantage();
            for (int b = 0; b < signal.Length; b++) { signal[b] += coefficients[m] * means[b]; }
        }

        return signal;
    }
}
