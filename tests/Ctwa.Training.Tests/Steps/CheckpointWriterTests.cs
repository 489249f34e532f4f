using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Checkpoints that are written beside the steps.</summary>
public sealed class CheckpointWriterTests : IDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public async Task A_disk_that_stands_still_holds_up_no_step_until_the_next_checkpoint()
    {
        using var third = new ManualResetEventSlim();
        bool stood = false;
        var run = Run("a");
        var observer = new RecordingObserver(onStep: () =>
        {
            if (LastStep(run) != 3) { return; }
            Assert.False(Directory.Exists(run.In("checkpoints", "step-000002")));
            Assert.DoesNotContain($"checkpoint {run.In("checkpoints", "step-000002")}", run.Observer.Messages);
            third.Set();
        });
        await run.AttemptAsync(inner => new FaultyBackend(inner, saving: folder =>
        {
            // Were the step to wait for the write, the write would wait in vain.
            if (IsOf(folder, 2)) { stood = third.Wait(s_patience); }
        }), observer);
        Assert.True(stood, "step 3 waited for the checkpoint of step 2.");
        Assert.Contains($"checkpoint {run.In("checkpoints", "step-000002")}", observer.Messages);
        Assert.Equal(await Run("whole").FinishAsync(), RunTrace.Of(run));
    }

    [Fact]
    public async Task One_write_is_under_way_at_a_time_and_the_copy_is_not_touched_meanwhile()
    {
        int inside = 0, most = 0, disturbed = 0;
        var job = Job(every: 1);
        var run = new RunFolder(Path.Combine(_folder, "a"), job);
        await run.AttemptAsync(inner => new FaultyBackend(
            inner,
            before: (_, what) => disturbed += what == "save" ? Volatile.Read(ref inside) : 0,
            saving: _ =>
            {
                most = Math.Max(most, Interlocked.Increment(ref inside));
                Thread.Sleep(150);
            },
            saved: _ => Interlocked.Decrement(ref inside)));
        Assert.Equal((1, 0), (most, disturbed));
        Assert.Equal(5, run.Observer.Messages.Count(message => message.StartsWith("checkpoint ", StringComparison.Ordinal)));
        Assert.Equal(await new RunFolder(Path.Combine(_folder, "whole"), job).FinishAsync(), RunTrace.Of(run));
    }

    [Fact]
    public async Task A_write_that_fails_beside_a_step_ends_the_run_at_a_boundary_and_leaves_the_earlier_checkpoint()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full.");
        var job = Job(steps: 6);
        var run = new RunFolder(Path.Combine(_folder, "a"), job);
        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync(inner => new FaultyBackend(inner, saving: folder =>
        {
            if (IsOf(folder, 2)) { File.CreateSymbolicLink(Path.Combine(folder, "optimizer.safetensors"), "/dev/full"); }
        })));
        Assert.StartsWith($"checkpoint '{run.In("checkpoints", "step-000002")}' could not be written: No space left on device", error.Message, StringComparison.Ordinal);
        Assert.InRange(LastStep(run), 2, 4);
        Assert.Equal(["supervised-000001"], Directory.GetDirectories(run.In("checkpoints")).Select(Path.GetFileName));
        Assert.Equal(await new RunFolder(Path.Combine(_folder, "whole"), job).FinishAsync(), await run.FinishAsync());
    }

    [Fact]
    public async Task A_process_that_dies_in_a_step_beside_a_write_leaves_nothing_that_is_resumed_from()
    {
        var expected = await Run("whole").FinishAsync();
        var run = Run("a");
        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(inner => new FaultyBackend(
            inner,
            before: (_, what) =>
            {
                if (what == "score" && LastStep(run) == 2) { throw new AbortException(what); }
            },
            saved: folder =>
            {
                if (!IsOf(folder, 2)) { return; }
                // What a dead process leaves: files without state and manifest under a name that is no checkpoint's.
                string left = folder.Replace(".writing-0", ".writing-7", StringComparison.Ordinal);
                Directory.CreateDirectory(left);
                File.WriteAllBytes(Path.Combine(left, "model.safetensors"), File.ReadAllBytes(Path.Combine(folder, "model.safetensors"))[..100]);
                throw new AbortException("save");
            })));
        Assert.Equal([".writing-7-step-000002", "supervised-000001"], Directory.GetDirectories(run.In("checkpoints")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(expected, await run.FinishAsync());
        Assert.Contains("resumed after supervised-000001", run.Observer.Messages);
        Assert.Empty(Directory.GetDirectories(run.In("checkpoints"), ".writing-*"));
    }

    [Fact]
    public async Task A_coordinator_that_is_replaced_while_it_writes_lands_nothing()
    {
        var expected = await Run("whole").FinishAsync();
        var run = Run("a");
        RunDirectory? later = null;
        int seen = 0;
        using (var old = await RunDirectory.ClaimAsync(run.Path, resume: true, atLeast => Task.FromResult(atLeast), "old"))
        {
            old.WriteJob(JobSpecYaml.Write(Job()));
            var job = PreparedJob.Prepare(Job(), run.Path);
            using var local = new LocalBackend(job);
            var backend = new FaultyBackend(local, saving: folder =>
            {
                if (IsOf(folder, 2)) { later = RunDirectory.ClaimAsync(run.Path, resume: true, atLeast => Task.FromResult(atLeast), "later").GetAwaiter().GetResult(); }
            });
            var loop = new TrainingLoop(job, backend, old, new RecordingObserver(onStep: () => seen++));
            await Assert.ThrowsAsync<RunFencedException>(() => loop.RunAsync(CancellationToken.None, TestContext.Current.CancellationToken));
        }

        Assert.Equal(["supervised-000001"], run.Checkpoints.Complete().Select(Path.GetFileName));
        Assert.InRange(seen, 2, 4);
        using (later)
        {
            var job = PreparedJob.Prepare(Job(), run.Path);
            using var backend = new LocalBackend(job);
            Assert.Equal(RunOutcome.Finished, await new TrainingLoop(job, backend, later!, new RecordingObserver()).RunAsync(CancellationToken.None, TestContext.Current.CancellationToken));
        }

        Assert.Equal(expected, RunTrace.Of(run));
    }

    [Fact]
    public async Task A_checkpoint_lost_with_the_silo_that_wrote_it_is_made_up_for_at_the_next_boundary()
    {
        var expected = await Run("whole").FinishAsync();
        using var third = new ManualResetEventSlim();
        var run = Run("a");
        var observer = new RecordingObserver(onStep: () =>
        {
            if (LastStep(run) == 3) { third.Set(); }
        });
        await run.AttemptAsync(inner => new FaultyBackend(inner, saving: folder =>
        {
            if (!IsOf(folder, 2)) { return; }
            third.Wait(s_patience);
            throw new ComputeLostException("the silo is gone.");
        }), observer);
        string warning = Assert.Single(observer.Warnings);
        Assert.Equal("the silo is gone. With it went the checkpoint of step-000002; the next step's end has one instead.", warning);
        Assert.DoesNotContain(observer.Messages, message => message.EndsWith("step-000002", StringComparison.Ordinal));
        Assert.Contains(observer.Messages, message => message.EndsWith("step-000003", StringComparison.Ordinal) || message.EndsWith("step-000004", StringComparison.Ordinal));
        Assert.Equal(expected, RunTrace.Of(run));
    }

    [Fact]
    public async Task A_run_whose_state_is_lost_beside_a_write_goes_back_to_what_becomes_complete()
    {
        var expected = await Run("whole").FinishAsync();
        var run = Run("a");
        bool lost = false;
        await run.AttemptAsync(inner => new FaultyBackend(
            inner,
            before: (_, what) =>
            {
                if (lost || what != "score" || LastStep(run) != 2) { return; }
                lost = true;
                throw new ComputeLostException("a silo is gone.");
            },
            saving: folder =>
            {
                if (IsOf(folder, 2)) { Thread.Sleep(300); }
            }));
        Assert.True(lost);
        Assert.Contains("resumed after step-000002", run.Observer.Messages);
        Assert.Equal(expected, RunTrace.Of(run));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(1_000_003)]
    public void Weights_are_finite_unless_one_of_them_is_not(int length)
    {
        using var weights = torch.full(length, -float.MaxValue);
        Assert.True(new PolicyVectors(weights, weights, weights).IsFinite());
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            foreach (int at in (int[])[0, length / 2, length - 1])
            {
                using var damaged = weights.clone();
                damaged.data<float>()[at] = bad;
                Assert.False(new PolicyVectors(damaged, weights, weights).IsFinite(), $"{bad} at {at} of {length}");
            }
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JobSpec Job(int steps = 4, int every = 2)
    {
        var job = TinyJobs.Arithmetic(steps: steps, warmStartSteps: 1, hidden: 8);
        return job with
        {
            WarmStart = job.WarmStart! with { BatchSize = 4 },
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 3, MaxNewTokens = 8 },
            Update = new UpdateSpec { PromptsPerUpdate = 2, MicroBatchSize = 3 },
            Schedule = job.Schedule with { ValidationPrompts = 4, SamplesKept = 2, CheckpointEvery = every },
        };
    }

    private RunFolder Run(string name) => new(Path.Combine(_folder, name), Job());

    private static bool IsOf(string folder, int step) => Path.GetFileName(folder).EndsWith(RunDirectory.StepName(TrainingStage.Rl, step), StringComparison.Ordinal);

    /// <summary>The last RL step with a line in the metrics; -1: none.</summary>
    private static int LastStep(RunFolder run)
    {
        if (!File.Exists(run.In("metrics.jsonl"))) { return -1; }
        string last = File.ReadLines(run.In("metrics.jsonl")).LastOrDefault() ?? "";
        return last.Contains("\"stage\":\"rl\"", StringComparison.Ordinal) ? System.Text.Json.Nodes.JsonNode.Parse(last)!["step"]!.GetValue<int>() : -1;
    }
}
