using Ctwa.Training.Optimizers;
using Ctwa.Training.Specification;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Optimizers;

public sealed class LearningRateTests
{
    [Property(MaxTest = 300)]
    public void Rates_stay_between_their_bounds_and_change_slowly(byte kind, byte warmup, ushort total, byte ratio)
    {
        long updates = 1 + (total % 500);
        var spec = new OptimizerSpec
        {
            LearningRate = 2e-3, Schedule = (LearningRateSchedule)(kind % 3), WarmupSteps = warmup, MinRatio = ratio / 255.0,
        };
        double room = Math.Max(1, 0.4 * (updates - 1));
        double after = Math.Max(1, updates - 1 - warmup);
        // Steepest slopes: warm-up 1/(W+1); cosine π/2 and a line 1, over the updates that are left to decay.
        double steepest = spec.LearningRate * ((1.0 / (warmup + 1)) + (Math.PI / 2 / Math.Min(room, after)) + 1e-12);
        double before = 0;
        for (long u = 0; u < updates; u++)
        {
            double rate = LearningRate.At(spec, u, updates);
            Assert.InRange(rate, double.Epsilon, spec.LearningRate * (1 + 1e-12));
            if (u >= warmup) { Assert.True(rate >= spec.LearningRate * spec.MinRatio * (1 - 1e-12), $"update {u}: {rate} is below the minimum."); }
            else { Assert.True(rate > before, "the warm-up must rise."); }
            Assert.True(Math.Abs(rate - before) <= steepest, $"update {u} of {updates}: from {before} to {rate}.");
            before = rate;
        }

        Assert.Equal(before, LearningRate.At(spec, updates + 17, updates));
    }

    [Theory]
    [InlineData(LearningRateSchedule.Constant, 1.0, 1.0)]
    [InlineData(LearningRateSchedule.Cosine, 0.55, 0.1)]
    [InlineData(LearningRateSchedule.WarmupStableDecay, 1.0, 0.1)]
    public void Schedules_meet_their_definition(LearningRateSchedule schedule, double middle, double last)
    {
        var spec = new OptimizerSpec { LearningRate = 1, Schedule = schedule, WarmupSteps = 0, MinRatio = 0.1 };
        Assert.Equal(1, LearningRate.At(spec, 0, 101), 1e-12);
        Assert.Equal(middle, LearningRate.At(spec, 50, 101), 1e-12);
        Assert.Equal(last, LearningRate.At(spec, 100, 101), 1e-12);
        var warm = spec with { WarmupSteps = 4 };
        Assert.Equal([0.2, 0.4, 0.6, 0.8, 1.0], Enumerable.Range(0, 5).Select(u => LearningRate.At(warm, u, 101)), (a, b) => Math.Abs(a - b) < 1e-12);
        Assert.Equal(last, LearningRate.At(warm, 100, 101), 1e-12);
    }

    [Fact]
    public void Stable_decay_is_a_line_over_the_last_two_fifths()
    {
        var spec = new OptimizerSpec { LearningRate = 1, Schedule = LearningRateSchedule.WarmupStableDecay, MinRatio = 0.2 };
        Assert.Equal(1, LearningRate.At(spec, 60, 101), 1e-12);
        Assert.Equal(0.6, LearningRate.At(spec, 80, 101), 1e-12);
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRate.At(spec, -1, 10));
        Assert.Throws<ArgumentOutOfRangeException>(() => LearningRate.At(spec, 0, 0));
    }
}
