using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

public sealed class NumericFailureTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public async Task A_gradient_that_is_not_finite_ends_the_run_and_leaves_the_last_checkpoint_intact(double squares)
    {
        var job = TinyJobs.Arithmetic(steps: 4, warmStartSteps: 1, hidden: 8);
        var expected = await new RunFolder(Path.Combine(_folder, "whole"), job).FinishAsync();
        var run = new RunFolder(Path.Combine(_folder, "a"), job);
        var error = await Assert.ThrowsAsync<NumericFailureException>(() => run.AttemptAsync(backend => new FaultyBackend(backend) { Norm = (update, real) => update is { Stage: TrainingStage.Rl, Step: 3, Update: 1 } ? squares : real }));
        string last = run.In("checkpoints", "step-000002");
        Assert.Contains("rl step 3", error.Message, StringComparison.Ordinal);
        Assert.Contains("optimizer.learning_rate", error.Message, StringComparison.Ordinal);
        Assert.Contains(last, error.Message, StringComparison.Ordinal);
        Assert.Equal(last, run.Checkpoints.Complete()[^1]);
        Assert.Null(CheckpointStore.Damage(last));
        Assert.Equal(expected, await run.FinishAsync());
    }

    [Theory]
    [InlineData(1e30, 1)]
    [InlineData(1e30, 100)]
    public async Task A_learning_rate_that_destroys_the_weights_is_noticed_before_they_become_a_checkpoint(double learningRate, int checkpointEvery)
    {
        var job = TinyJobs.Arithmetic(steps: 3, warmStartSteps: 2, hidden: 8);
        job = job with { Optimizer = new OptimizerSpec { LearningRate = learningRate, GradClip = 0 }, Schedule = job.Schedule with { CheckpointEvery = checkpointEvery, Keep = 10 } };
        var run = new RunFolder(Path.Combine(_folder, "a"), job);
        var error = await Assert.ThrowsAsync<NumericFailureException>(() => run.AttemptAsync());
        Assert.Contains("not finite", error.Message, StringComparison.Ordinal);
        Assert.Contains("learning_rate", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(run.Checkpoints.Complete());
        foreach (string checkpoint in run.Checkpoints.Complete())
        {
            Assert.Null(CheckpointStore.Damage(checkpoint));
            using var reader = Ctwa.Training.Checkpoints.SafetensorsReader.Open(checkpoint);
            foreach (string name in reader.Names)
            {
                using var tensor = reader.Read(name);
                Assert.True(TorchSharp.torch.isfinite(tensor).all().item<bool>(), $"{checkpoint}: {name}");
            }
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
