using Ctwa.Training.Advantages;
using Ctwa.Training.Scalarizers;

namespace Ctwa.Training.Steps;

/// <summary>A step's scores as one training signal.</summary>
/// <param name="Advantages">Of every token of the step.</param>
/// <param name="Weights">Of the objectives, shape [M]; NaN in a step without a valid sample.</param>
internal sealed record StepSignal(OutcomeAdvantages Advantages, double[] Weights)
{
    /// <summary>
    /// Lets the job's method weigh the scores and its estimator turn them into advantages. A step whose samples were
    /// all dropped has no signal: no method sees it, all advantages are 0.
    /// </summary>
    /// <exception cref="NotSupportedException">This build cannot run methods of that kind.</exception>
    public static StepSignal Of(PreparedJob job, StepSignals signals, ScalarizerState state)
    {
        int objectives = signals.Scores.GetLength(1), samples = signals.Lengths.Length;
        OutcomeAdvantages Estimate(double[] rewards) => OutcomeEstimator.Estimate(job.Spec.Advantage, rewards, signals.Lengths, signals.Groups, signals.Valid);
        if (!signals.Valid.Contains(true)) { return new(Estimate(new double[samples]), [.. Enumerable.Repeat(double.NaN, objectives)]); }

        switch (job.Scalarizer!.Weigh(signals, state))
        {
            case Scalarization.OfRewards of:
                return new(Estimate(of.Rewards), of.Weights);
            case Scalarization.OfAdvantages of:
                var each = Enumerable.Range(0, objectives).Select(j => Estimate([.. Enumerable.Range(0, samples).Select(i => signals.Scores[i, j])]));
                return new(OutcomeAdvantages.Combine([.. each], of.Weights), of.Weights);
            case var other:
                throw new NotSupportedException($"this build cannot run methods of kind {other.GetType().Name}.");
        }
    }
}
