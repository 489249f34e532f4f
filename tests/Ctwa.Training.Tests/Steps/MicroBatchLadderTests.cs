using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Running out of device memory changes the run in one declared way, which is recorded and repeated.</summary>
public sealed class MicroBatchLadderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private static JobSpec Job(int size, int halvings = 3)
    {
        var job = TinyJobs.Arithmetic(steps: 3, warmStartSteps: 2, hidden: 8);
        return job with
        {
            WarmStart = job.WarmStart! with { BatchSize = 12, MicroBatchSize = size },
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 4, MaxNewTokens = 8 },
            Update = new UpdateSpec { PromptsPerUpdate = 2, MicroBatchSize = size, MicroBatchHalvings = halvings },
            Grid = new GridSpec { Shards = 1, Slices = 2 },
            Schedule = job.Schedule with { CheckpointEvery = 1, Keep = 10, ValidateEvery = 0 },
        };
    }

    [Fact]
    public async Task A_run_that_has_no_memory_from_the_start_is_the_run_with_smaller_micro_batches()
    {
        var expected = await Run("small", Job(2)).FinishAsync();
        Assert.NotEqual(expected.Weights, (await Run("large", Job(4)).FinishAsync()).Weights);
        var observer = new RecordingObserver();
        var run = Run("halved", Job(4));
        await run.AttemptAsync(backend => new LimitedBackend(backend, id => id.Halvings == 0), observer);
        Assert.Equal(expected.Weights, RunTrace.Of(run).Weights);
        Assert.Contains("device memory ran out in update 0 of supervised step 1; micro-batches are halved from here on (1 of at most 3 times)", Assert.Single(observer.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 0)]
    public async Task A_run_killed_after_a_halving_repeats_it_at_the_same_update(int step, int update)
    {
        bool Refuses(UpdateId id) => id is { Stage: TrainingStage.Rl, Halvings: 0 } && (id.Step, id.Update).CompareTo((step, update)) >= 0;
        var whole = Run("whole", Job(4));
        await whole.AttemptAsync(backend => new LimitedBackend(backend, Refuses));
        var expected = RunTrace.Of(whole);

        // Killed while the step in which it happened is computed; the machine that goes on has memory enough.
        var run = Run("killed", Job(4));
        await Assert.ThrowsAsync<InvalidOperationException>(() => run.AttemptAsync(backend => new LimitedBackend(backend, Refuses) { KilledAt = new(TrainingStage.Rl, step, update) { Halvings = 1 } }));
        Assert.True(File.Exists(run.In(MicroBatchLadder.FileName)));
        Assert.Equal(expected, await run.FinishAsync());
        Assert.NotEqual(expected.Weights, (await Run("never", Job(4)).FinishAsync()).Weights);
    }

    [Fact]
    public async Task When_no_halving_is_left_the_run_ends_and_says_what_to_do()
    {
        var failure = await Assert.ThrowsAsync<OutOfDeviceMemoryException>(() => Run("small", Job(4, halvings: 1)).AttemptAsync(backend => new LimitedBackend(backend, _ => true)));
        Assert.Contains("Micro-batches were halved 1 times (update.micro_batch_halvings: 1)", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_libtorch_says_when_memory_is_out_is_recognised()
    {
        // More bytes than any machine has: the CPU's allocator fails as a GPU's does.
        var failure = Assert.Throws<OutOfDeviceMemoryException>(() => OutOfDeviceMemoryException.Guard(() => TorchSharp.torch.empty(1L << 46)));
        Assert.Contains("no memory left", failure.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => OutOfDeviceMemoryException.Guard<int>(() => throw new ArgumentException("other")));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private RunFolder Run(string name, JobSpec job) => new(Path.Combine(_folder, name), job);
}
