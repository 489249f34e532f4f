using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

/// <summary>Storage that fails amid a run: one clear error, and the earlier checkpoint survives and continues the run.</summary>
public sealed class RunStorageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private static JobSpec Job(int hidden = 8)
    {
        var job = TinyJobs.Arithmetic(steps: 4, warmStartSteps: 1, hidden: hidden);
        return job with
        {
            WarmStart = job.WarmStart! with { BatchSize = 4 },
            Rollout = new RolloutSpec { PromptsPerStep = 3, SamplesPerPrompt = 3, MaxNewTokens = 8 },
            Update = new UpdateSpec { MicroBatchSize = 5 },
            Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.05 } },
            Schedule = job.Schedule with { ValidationPrompts = 3, SamplesKept = 2 },
        };
    }

    /// <summary>/dev/full takes any write and answers that the disk is full; a link to it fills the disk for one file.</summary>
    [Theory]
    [InlineData("metrics.jsonl", "metrics.jsonl")]
    [InlineData("state.json.tmp", "state.json")]
    [InlineData("summary.json.tmp", "summary.json")]
    [InlineData("samples/step-000003.jsonl.tmp", "samples/step-000003.jsonl")]
    [InlineData("scores/sampling-000003.json.tmp", "scores/sampling-000003.json")]
    [InlineData("reference/model.safetensors.0.tmp", "reference/model.safetensors")]
    public async Task A_full_disk_is_one_clear_error_and_with_room_the_run_ends_the_same(string full, string named)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full.");
        var expected = await new RunFolder(Path.Combine(_folder, "whole"), Job()).FinishAsync();
        var run = new RunFolder(Path.Combine(_folder, "a"), Job());
        string path = run.In(full), before = run.In("before");
        bool filled = false;
        void Fill(int number, string what)
        {
            bool late = run.Observer.Lines.Count >= (full.StartsWith("reference", StringComparison.Ordinal) ? 1 : 4);
            if (filled || !late) { return; }
            filled = true;
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (File.Exists(path)) { File.Move(path, before); }
            File.CreateSymbolicLink(path, "/dev/full");
        }

        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: Fill)));
        Assert.True(filled);
        Assert.Contains($"'{run.In(named)}' could not be written: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
        Assert.Contains("then resume the run", error.Message, StringComparison.Ordinal);

        File.Delete(path);
        if (File.Exists(before)) { File.Move(before, path); File.AppendAllText(path, "{\"stage\":\"rl\",\"st"); }
        Assert.Equal(expected, await run.FinishAsync());
    }

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("optimizer.safetensors")]
    [InlineData("state.json")]
    public async Task A_disk_that_fills_amid_a_checkpoint_leaves_the_earlier_one_to_resume_from(string full)
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "this system has no /dev/full.");
        var expected = await new RunFolder(Path.Combine(_folder, "whole"), Job()).FinishAsync();
        var run = new RunFolder(Path.Combine(_folder, "a"), Job());
        int saves = 0;
        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, saving: folder =>
        {
            if (++saves == 3) { File.CreateSymbolicLink(Path.Combine(folder, full), "/dev/full"); }
        })));
        Assert.StartsWith($"checkpoint '{run.In("checkpoints", "step-000004")}' could not be written: No space left on device", error.Message, StringComparison.Ordinal);
        Assert.Contains($"the run can be resumed from {run.In("checkpoints", "step-000002")}", error.Message, StringComparison.Ordinal);
        Assert.Equal(["step-000002", "supervised-000001"], Directory.GetDirectories(run.In("checkpoints")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Null(CheckpointStore.Damage(run.In("checkpoints", "step-000002")));

        Assert.Equal(expected, await run.FinishAsync());
    }

    [Fact]
    public async Task A_small_disk_that_runs_full_is_one_clear_error_and_the_run_continues_on_a_larger_one()
    {
        var job = Job(hidden: 48); // Large enough that a checkpoint is what does not fit.
        var whole = new RunFolder(Path.Combine(_folder, "whole"), job);
        var expected = await whole.FinishAsync();
        long checkpoint = Directory.GetFiles(whole.Checkpoints.Complete()[^1]).Sum(file => new FileInfo(file).Length);
        using var disk = new TemporaryMount(checkpoint * 5 / 2 + (1 << 18));
        var run = new RunFolder(Path.Combine(disk.Path, "a"), job);
        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync());
        Assert.Contains("No space left on device", error.Message, StringComparison.Ordinal);
        Assert.StartsWith("checkpoint '", error.Message, StringComparison.Ordinal);
        Assert.NotEmpty(run.Checkpoints.Complete());
        Assert.All(run.Checkpoints.Complete(), path => Assert.Null(CheckpointStore.Damage(path)));

        disk.Remount("size=64m");
        Assert.Equal(expected, await run.FinishAsync());
    }

    [Fact]
    public async Task A_run_on_a_disk_that_has_become_read_only_is_refused_and_continues_when_it_is_writable_again()
    {
        using var disk = new TemporaryMount(1 << 24);
        var run = new RunFolder(Path.Combine(disk.Path, "a"), Job());
        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) =>
        {
            if (run.Observer.Lines.Count == 4) { throw new AbortException(what); }
        })));
        disk.Remount("ro");
        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync());
        Assert.StartsWith($"run directory '{run.Path}' cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Contains("Read-only file system", error.Message, StringComparison.Ordinal);
        disk.Remount("rw");
        Assert.Equal(await new RunFolder(Path.Combine(_folder, "whole"), Job()).FinishAsync(), await run.FinishAsync());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
