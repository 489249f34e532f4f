using Ctwa.Training.Advantages;
using Ctwa.Training.Datasets;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

/// <summary>A coordinator that was replaced changes no byte of its run, whatever it was about to write (invariants I5, I6).</summary>
public sealed class RunFenceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private string Run => Path.Combine(_folder, "run");

    [Fact]
    public async Task Epochs_grow_and_a_source_that_lost_its_memory_is_told_where_to_begin()
    {
        using (var first = await ClaimAsync(1)) { Assert.Equal(1, first.Epoch); }
        long told = 0;
        using var second = await RunDirectory.ClaimAsync(Run, resume: true, atLeast =>
        {
            told = atLeast;
            return Task.FromResult(atLeast);
        }, "test");
        Assert.Equal((2, 2), (told, second.Epoch));
        await Assert.ThrowsAsync<RunFencedException>(() => ClaimAsync(2));
    }

    [Fact]
    public async Task Every_write_of_a_replaced_coordinator_is_refused_and_counted()
    {
        using var old = await ClaimAsync(1);
        old.WriteJob("name: first\n");
        old.AppendMetrics("""{"stage":"rl","step":1}""");
        old.CommitState(State(1));
        using var now = await ClaimAsync(2);
        var before = Snapshot();
        long refusals = RunDirectory.RefusedWrites;
        Action[] writes =
        [
            () => old.WriteJob("name: other\n"),
            () => old.AppendMetrics("""{"stage":"rl","step":2}"""),
            () => old.CommitState(State(2)),
            () => old.WriteSummary("{}"),
            () => old.WriteSamples(TrainingStage.Rl, 2, []),
            () => old.TruncateTo(TrainingStage.Rl, 0),
            () => ScoreRecord.Write(old, old.ScoresPath("sampling-000002"), [], [], []),
        ];
        foreach (var write in writes) { Assert.Throws<RunFencedException>(write); }
        await Assert.ThrowsAsync<RunFencedException>(() => old.Checkpoints.WriteAsync(State(2), folder => File.WriteAllTextAsync(Path.Combine(folder, "model.safetensors"), "weights"), keep: 1));
        Assert.Equal(writes.Length + 1, RunDirectory.RefusedWrites - refusals);
        Assert.Equal(before, Snapshot());

        now.AppendMetrics("""{"stage":"rl","step":2}""");
        Assert.Equal(2, File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")).Length);
        old.Dispose(); // It does not take the new owner's name away either.
        Assert.Contains("epoch 2", File.ReadAllText(Path.Combine(Run, "run.lock.holder")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_coordinators_write_their_checkpoints_into_different_folders()
    {
        using var old = await ClaimAsync(1);
        old.WriteJob("name: first\n");
        string half = "";
        var writing = new TaskCompletionSource();
        var go = new TaskCompletionSource();
        var frozen = old.Checkpoints.WriteAsync(State(2), async folder =>
        {
            half = folder;
            writing.SetResult();
            await go.Task;
            await File.WriteAllTextAsync(Path.Combine(folder, "model.safetensors"), "stale");
        }, keep: 2);
        await writing.Task;
        using var now = await ClaimAsync(2);
        string path = await now.Checkpoints.WriteAsync(State(2), folder =>
        {
            Assert.NotEqual(half, folder);
            return File.WriteAllTextAsync(Path.Combine(folder, "model.safetensors"), "fresh");
        }, keep: 2);
        go.SetResult();
        await Assert.ThrowsAsync<RunFencedException>(() => frozen);
        Assert.Equal("fresh", File.ReadAllText(Path.Combine(path, "model.safetensors")));
        Assert.Null(CheckpointStore.Damage(path));
    }

    [Fact]
    public async Task A_grid_and_a_process_of_its_own_do_not_share_a_run()
    {
        using (await ClaimAsync(1)) { Assert.Throws<RunDirectoryException>(() => RunDirectory.Open(Run, resume: false)); }
        Directory.Delete(Run, recursive: true);
        using (RunDirectory.Open(Run, resume: false)) { await Assert.ThrowsAsync<RunDirectoryException>(() => ClaimAsync(5)); }
    }

    [Fact]
    public async Task Writes_from_many_threads_wait_for_each_other_and_none_is_lost()
    {
        using var run = await ClaimAsync(1);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Run(() =>
        {
            for (int i = 0; i < 25; i++) { run.AppendMetrics($"{{\"stage\":\"rl\",\"step\":{(thread * 25) + i}}}"); }
        })));
        Assert.Equal(200, File.ReadAllLines(Path.Combine(Run, "metrics.jsonl")).Distinct().Count());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private Task<RunDirectory> ClaimAsync(long epoch) => RunDirectory.ClaimAsync(Run, resume: true, _ => Task.FromResult(epoch), "test");

    private string Snapshot() => string.Join('\n', Directory.GetFiles(Run, "*", SearchOption.AllDirectories).Where(file => !file.EndsWith("run.fence", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(file => $"{file} {File.ReadAllText(file)}"));

    private static TrainingRunState State(int step) => new()
    {
        Stage = TrainingStage.Rl,
        Step = step,
        Updates = step,
        PolicyVersion = step,
        Cursor = DatasetCursor.Start,
        Lengths = ResponseLengthStatistics.Start([]),
    };
}
