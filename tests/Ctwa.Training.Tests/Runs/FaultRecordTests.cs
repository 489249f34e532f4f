using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Runs;

/// <summary>faults.jsonl says what happened to a run besides its steps, in the order in which it happened.</summary>
public sealed partial class FaultRecordTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Fact]
    public async Task Starts_losses_stops_resumes_and_the_end_are_recorded()
    {
        var job = TinyJobs.Arithmetic(steps: 5, warmStartSteps: 1, hidden: 8);
        var run = new RunFolder(Path.Combine(_folder, "run"), job);

        // A silo is lost in the third step, and one process alone has nobody to recover from: back to the checkpoint of step 2.
        // Then the run fails in the fourth step.
        int lost = 0;
        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, before: (_, name) =>
        {
            if (name == "measure" && ++lost == 3) { throw new ComputeLostException("silo b is gone."); }
            if (name == "measure" && lost == 5) { throw new AbortException(name); }
        })));
        using var stop = new CancellationTokenSource();
        Assert.Equal(RunOutcome.Stopped, await run.AttemptAsync(observer: new RecordingObserver(onStep: stop.Cancel), stop: stop));
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync());

        var lines = Lines(run);
        Assert.Equal(["started", "redone", "rolled_back", "resumed", "failed", "resumed", "stopped", "resumed", "finished"], lines.Select(line => line.GetProperty("kind").GetString()));
        Assert.Equal((2, "silo b is gone."), (lines[1].GetProperty("step").GetInt32(), lines[1].GetProperty("message").GetString()));
        Assert.Equal((2, 1), (lines[5].GetProperty("step").GetInt32(), lines[5].GetProperty("redo_steps").GetInt32()));
        Assert.Equal(5, lines[^1].GetProperty("step").GetInt32());
        Assert.All(lines, line => Assert.Equal((Environment.MachineName, Environment.ProcessId), (line.GetProperty("host").GetString(), line.GetProperty("process").GetInt32())));
        Assert.Equal(lines.Select(line => line.GetProperty("time").GetString()).Order(StringComparer.Ordinal), lines.Select(line => line.GetProperty("time").GetString()));

        string page = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "metrics.md"));
        string section = page.Split("\n## ").Single(part => part.StartsWith("faults.jsonl\n", StringComparison.Ordinal));
        var documented = section.Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal)).Select(line => Name().Match(line).Groups[1].Value);
        Assert.Equal(documented.Order(StringComparer.Ordinal), lines.SelectMany(line => line.EnumerateObject().Select(entry => entry.Name)).Distinct().Order(StringComparer.Ordinal));
        Assert.All((string[])["started", "resumed", "continued", "redone", "rolled_back", "stopped", "finished", "failed"], kind => Assert.Contains($"`{kind}`", section, StringComparison.Ordinal));
    }

    [Fact]
    public async Task State_that_is_lost_everywhere_is_a_roll_back()
    {
        var run = new RunFolder(Path.Combine(_folder, "run"), TinyJobs.Arithmetic(steps: 4, warmStartSteps: 0, hidden: 8));
        int seen = 0;
        await run.AttemptAsync(backend => new FaultyBackend(backend, before: (_, name) =>
        {
            if (name == "measure" && ++seen == 4) { throw new StateLostException("slice 0 is nowhere any more."); }
        }));
        var lines = Lines(run);
        Assert.Equal(["started", "rolled_back", "resumed", "finished"], lines.Select(line => line.GetProperty("kind").GetString()));
        Assert.Equal(3, lines[1].GetProperty("step").GetInt32());
        Assert.Equal((2, 1), (lines[2].GetProperty("step").GetInt32(), lines[2].GetProperty("redo_steps").GetInt32()));
    }

    [Fact]
    public async Task A_record_that_cannot_be_written_is_a_warning()
    {
        var run = new RunFolder(Path.Combine(_folder, "run"), TinyJobs.Arithmetic(steps: 1, warmStartSteps: 0, hidden: 8));
        Directory.CreateDirectory(run.In("faults.jsonl"));
        await run.FinishAsync();
        Assert.Contains(run.Observer.Warnings, warning => warning.Contains("faults.jsonl", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Answers_to_the_same_held_out_prompts_are_kept_at_every_validation_and_cut_back_with_the_run()
    {
        var job = TinyJobs.Arithmetic(steps: 4, warmStartSteps: 0, hidden: 8);
        var run = new RunFolder(Path.Combine(_folder, "run"), job with { Schedule = job.Schedule with { SamplesKept = 3 } });
        await run.FinishAsync();
        string[] files = [.. Directory.GetFiles(run.In("samples"), "validation-*").Order(StringComparer.Ordinal)];
        Assert.Equal(["validation-000000.jsonl", "validation-000002.jsonl", "validation-000004.jsonl"], files.Select(Path.GetFileName));
        string[][] prompts = [.. files.Select(file => File.ReadLines(file).Select(line => JsonDocument.Parse(line).RootElement.GetProperty("prompt").GetString()!).ToArray())];
        Assert.Equal(3, prompts[0].Length);
        Assert.All(prompts, one => Assert.Equal(prompts[0], one));

        using (var directory = Ctwa.Training.Runs.RunDirectory.Open(run.Path, resume: true)) { directory.TruncateTo(TrainingStage.Rl, 2); }
        Assert.Equal(["validation-000000.jsonl", "validation-000002.jsonl"], Directory.GetFiles(run.In("samples"), "validation-*").Select(Path.GetFileName).Order(StringComparer.Ordinal));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static List<JsonElement> Lines(RunFolder run) => [.. File.ReadLines(run.In("faults.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)];

    [GeneratedRegex("`([^`]+)`", RegexOptions.CultureInvariant)]
    private static partial Regex Name();
}
