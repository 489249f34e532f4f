using System.Text.Json;
using Ctwa.TestKit.Tracking;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

/// <summary>tracking.tensorboard: one history, whatever happens to the run, and no say in what the run does.</summary>
public sealed class TensorBoardTrackingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public async Task A_run_that_was_cut_and_resumed_has_the_event_files_of_one_history()
    {
        var job = Tracked();
        var plain = await Run("plain", job with { Tracking = new() }).FinishAsync();
        var run = Run("tracked", job);
        // Dies in step 4, after step 3 was committed and before its checkpoint: step 3 is done again.
        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: Abort("generate", 8))));
        Assert.Contains(EventFileReader.History(run.In("tensorboard", "rl")), one => one.Step == 3);
        var trace = await run.FinishAsync();
        Assert.Equal(plain, trace);
        Assert.Equal(Numbers(run, "rl"), EventFileReader.History(run.In("tensorboard", "rl")));
        Assert.Equal(Numbers(run, "supervised"), EventFileReader.History(run.In("tensorboard", "supervised")));
        Assert.Single(Directory.GetFiles(run.In("tensorboard", "rl")));
    }

    [Fact]
    public async Task Tracking_may_be_turned_on_for_the_rest_of_a_run_and_has_all_of_it()
    {
        var job = Tracked();
        var run = Run("late", job with { Tracking = new() });
        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: Abort("generate", 8))));
        Assert.False(Directory.Exists(run.In("tensorboard")));
        await run.AttemptAsync(changed: job);
        Assert.Equal(Numbers(run, "rl"), EventFileReader.History(run.In("tensorboard", "rl")));
    }

    [Fact]
    public async Task Event_files_that_cannot_be_written_are_a_warning_and_the_run_is_the_same()
    {
        var job = Tracked();
        var plain = await Run("plain", job with { Tracking = new() }).FinishAsync();
        var run = Run("blocked", job);
        Directory.CreateDirectory(run.Path);
        File.WriteAllText(run.In("tensorboard"), "a file where the folder should be");
        Assert.Equal(plain, await run.FinishAsync());
        Assert.Single(run.Observer.Warnings, warning => warning.StartsWith("TensorBoard files are no longer written", StringComparison.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static JobSpec Tracked() => TinyJobs.Arithmetic(steps: 4, warmStartSteps: 2, hidden: 8) with { Tracking = new TrackingSpec { Tensorboard = true } };

    private RunFolder Run(string name, JobSpec job) => new(Path.Combine(_folder, name), job);

    private static Action<int, string> Abort(string call, int time)
    {
        int seen = 0;
        return (_, name) =>
        {
            if (name == call && ++seen == time) { throw new AbortException(call); }
        };
    }

    private static List<(string, long, float)> Numbers(RunFolder run, string stage)
    {
        var numbers = new List<(string, long, float)>();
        foreach (string line in File.ReadLines(run.In("metrics.jsonl")))
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.GetProperty("stage").GetString() != stage) { continue; }
            numbers.AddRange(root.EnumerateObject().Where(entry => entry.Value.ValueKind == JsonValueKind.Number && entry.Name is not ("step" or "steps_total")).Select(entry => (entry.Name, root.GetProperty("step").GetInt64(), (float)entry.Value.GetDouble())));
        }

        return numbers;
    }
}
