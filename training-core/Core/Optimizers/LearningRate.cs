using Ctwa.Training.Specification;

namespace Ctwa.Training.Optimizers;

/// <summary>Learning-rate schedules as pure functions of the update's index: nothing to checkpoint, nothing to drift on resume.</summary>
public static class LearningRate
{
    /// <summary>Share of the run at which <see cref="LearningRateSchedule.WarmupStableDecay"/> begins to decay.</summary>
    private const double DecayStart = 0.6;

    /// <summary>
    /// Learning rate of one optimizer update. During the warm-up of W updates it is (u + 1) / (W + 1) of the peak: a
    /// line from 0 just before the run to the peak at update W, so that no update is spent at 0.
    /// </summary>
    /// <param name="updateIndex0">Index u of the update, from 0; indices past the end give the last value.</param>
    /// <param name="totalUpdates">Optimizer updates of the whole run.</param>
    /// <exception cref="ArgumentOutOfRangeException">A negative index, or a run without updates.</exception>
    public static double At(OptimizerSpec spec, long updateIndex0, long totalUpdates)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(updateIndex0);
        ArgumentOutOfRangeException.ThrowIfLessThan(totalUpdates, 1);
        double warmup = spec.WarmupSteps, last = totalUpdates - 1, index = Math.Min(updateIndex0, last);
        if (index < warmup) { return spec.LearningRate * (index + 1) / (warmup + 1); }

        double share = spec.Schedule switch
        {
            LearningRateSchedule.Constant => 1,
            LearningRateSchedule.Cosine => Between(0.5 * (1 + Math.Cos(Math.PI * Progress(index, warmup, last)))),
            LearningRateSchedule.WarmupStableDecay => Between(1 - Progress(index, Math.Max(warmup, DecayStart * last), last)),
            _ => throw new ArgumentOutOfRangeException(
                nameof(spec), spec.Schedule, "optimizer.schedule must be constant, cosine or warmup_stable_decay."),
        };
        return spec.LearningRate * share;

        double Between(double height) => spec.MinRatio + ((1 - spec.MinRatio) * height);
    }

    /// <summary>0 up to <paramref name="start"/>, 1 at <paramref name="end"/>; 0 where there is no room between them.</summary>
    private static double Progress(double index, double start, double end) => end <= start ? 0 : Math.Clamp((index - start) / (end - start), 0, 1);
}
