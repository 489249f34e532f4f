using System.Runtime.InteropServices;
using Ctwa.Client.Comparison;
using Xunit;

namespace Ctwa.Client.Tests.Comparison;

public sealed class ComparisonRunnerTests : IDisposable
{
    private readonly CompareFolder place = new();

    public void Dispose() => place.Dispose();

    private ComparisonPlan Two() => place.Plan(place.Options(place.Job("one", "method: linear"), place.Job("two", "method: ctwa")));

    [Theory, InlineData(1), InlineData(3)]
    public async Task Warm_starts_are_made_first_and_copied_into_every_run(int parallel)
    {
        var results = (await place.RunAsync(Two(), parallel))!;
        Assert.All(results, result => Assert.Equal((ExitCodes.Success, null, false), (result.ExitCode, result.Error, result.Reused)));
        Assert.Equal([("warm-start-seed-1", false), ("warm-start-seed-2", false)], place.Trainings[..2].Order());
        // They go on from the copy: a resume.
        Assert.Equal([("one-seed-1", true), ("one-seed-2", true), ("two-seed-1", true), ("two-seed-2", true)], place.Trainings[2..].Order());
        Assert.Equal("warm-start-seed-2", File.ReadAllText(Path.Combine(place.Output, "two-seed-2", "checkpoints", "supervised-000005", "model.safetensors")));
        // Of the warm start's metrics, only those of the stage.
        Assert.Equal(["supervised", "rl", "rl", "rl"], File.ReadLines(Path.Combine(place.Output, "two-seed-2", "metrics.jsonl")).Select(line => line.Split('"')[3]));
        Assert.Equal((5.0, 3.0, 3.5, 0.25), (results[0].Measures!.Cost!.ForwardPasses!.Value, results[0].Measures!.Cost!.BackwardPasses!.Value, results[0].Measures!.Seconds!.Value, results[0].Measures!.InterferenceRate!.Value));
        Assert.Equal(-0.2, results[0].Measures!.WorstGain!.Value, 12);
    }

    [Fact]
    public async Task A_run_that_fails_is_a_row_and_the_others_go_on()
    {
        place.Train = run => run switch
        {
            "two-seed-1" => throw new CommandFailure(ExitCodes.NumericFailure, "the gradient of rl step 2 is not finite.\nrun directory: x"),
            "one-seed-2" => throw new InvalidOperationException("a defect"),
            _ => null,
        };
        var results = (await place.RunAsync(Two()))!;
        Assert.Equal([0, 6, 1, 0], results.Select(result => result.ExitCode));
        Assert.Equal("the gradient of rl step 2 is not finite.", results[1].ErrorLine);
        Assert.Equal("InvalidOperationException: a defect", results[2].ErrorLine);
        var report = place.Report(Two(), results);
        Assert.False(report.IsComplete);
        Assert.Contains("two seed 1: exit code 6: the gradient of rl step 2 is not finite.", string.Join('\n', ComparisonText.Terminal(report)), StringComparison.Ordinal);
        Assert.Contains("failed with exit code 6 (2 of 4 runs", place.Errors.ToString(), StringComparison.Ordinal);

        // The same command again: finished runs are read, failed ones resumed, warm starts left alone.
        place.Trainings.Clear();
        place.Train = _ => null;
        results = (await place.RunAsync(Two()))!;
        Assert.All(results, result => Assert.Equal(ExitCodes.Success, result.ExitCode));
        Assert.Equal([true, false, false, true], results.Select(result => result.Reused));
        Assert.Equal([("two-seed-1", true), ("one-seed-2", true)], place.Trainings);
    }

    [Fact]
    public async Task A_warm_start_that_fails_fails_its_runs_only()
    {
        place.Train = run => run == "warm-start-seed-1" ? throw new CommandFailure(ExitCodes.SiloLost, "the silo died") : null;
        var results = (await place.RunAsync(Two()))!;
        Assert.Equal([4, 4, 0, 0], results.Select(result => result.ExitCode));
        Assert.StartsWith("its warm start failed: the silo died", results[0].Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stop_begins_no_other_run_and_the_next_call_goes_on()
    {
        place.Train = run =>
        {
            if (run != "two-seed-1") { return null; }
            place.Signals.Raise(PosixSignal.SIGINT);
            SpinWait.SpinUntil(() => place.Signals.Stop.IsCancellationRequested, TimeSpan.FromSeconds(10));
            return ExitCodes.Interrupted;
        };
        Assert.Null(await place.RunAsync(Two()));
        Assert.Equal(["one-seed-1", "two-seed-1"], place.Trainings[2..].Select(training => training.Run));

        using var later = new CompareFolder();
        later.Train = _ => null;
        var plan = Two();
        var again = new ComparisonRunner(plan, 1, place.Folder, (run, submission, _, _) =>
        {
            later.Trainings.Add((run.JobId, submission.Resume));
            File.WriteAllText(Path.Combine(run.FullPath, "summary.json"), "{}");
            return Task.FromResult(0);
        }, new ComparisonProgress(TextWriter.Null, TextWriter.Null), later.Signals);
        Assert.Equal(1, again.Finished);
        Assert.NotNull(await again.RunAsync());
        Assert.Equal([("two-seed-1", true), ("one-seed-2", true), ("two-seed-2", true)], later.Trainings);
    }

    [Fact]
    public async Task A_folder_with_a_run_of_another_job_is_refused_before_anything_starts()
    {
        Assert.NotNull(await place.RunAsync(Two()));
        place.Trainings.Clear();
        var other = place.Plan(place.Options(Path.Combine(place.Folder, "one.yaml"), Path.Combine(place.Folder, "two.yaml")) with { Steps = 8 });
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => place.RunAsync(other));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
        Assert.Contains("one-seed-1 holds a run of another job: schedule.steps is 3 there, 8 here.", failure.Message, StringComparison.Ordinal);
        Assert.Empty(place.Trainings);
    }
}
