using Ctwa.Client.Reports.Analysis;
using Ctwa.Client.Reports.Reading;
using Xunit;

namespace Ctwa.Client.Tests.Reports;

/// <summary>What a report works out of a run, on small runs whose answer is known.</summary>
public sealed class ReportAnalysisTests : IDisposable
{
    private readonly ReportFolder folder = new();

    [Fact]
    public void The_completions_that_changed_most_come_first()
    {
        var run = folder.Run("run").Steps(20)
            .Samples("validation-000000", ("same", "a b c", 1), ("words", "a b c", 1), ("scores", "a b c", 0), ("once", "x", 0))
            .Samples("validation-000010", ("same", "zzz", 0), ("words", "zzz", 0), ("scores", "zzz", 0))
            .Samples("validation-000020", ("same", "a b c", 1), ("words", "q r s", 1), ("scores", "a b c", 1))
            .Samples("step-000010", ("other", "t", 0));
        var samples = SampleChanges.Of(run.Folder, run.Objectives);
        Assert.Equal(("same", "held-out prompts"), (samples.Kind, samples.Source));
        Assert.Equal(["scores", "words"], samples.Pairs.Select(pair => pair.Before.Prompt));
        Assert.Equal((0, 20, 2.0), (samples.Pairs[0].Before.Step, samples.Pairs[0].After!.Step, samples.Pairs[0].Change));
    }

    [Fact]
    public void Older_runs_without_held_out_samples_show_prompts_that_recur_or_say_that_none_does()
    {
        var recurring = folder.Run("recurring").Steps(20).Samples("step-000010", ("p", "one", 0), ("q", "x", 0)).Samples("step-000020", ("p", "two", 1));
        Assert.Equal(("same", "p"), (SampleChanges.Of(recurring.Folder, recurring.Objectives).Kind, SampleChanges.Of(recurring.Folder, recurring.Objectives).Pairs[0].Before.Prompt));
        var different = folder.Run("different").Steps(20).Samples("step-000010", ("p", "one", 0)).Samples("step-000020", ("q", "two", 1));
        Assert.Equal(("different", 2), (SampleChanges.Of(different.Folder, different.Objectives).Kind, SampleChanges.Of(different.Folder, different.Objectives).Pairs.Count));
        var alike = folder.Run("alike").Steps(20).Samples("validation-000000", ("p", "one", 0)).Samples("validation-000020", ("p", "one", 0));
        Assert.Equal("unchanged", SampleChanges.Of(alike.Folder, alike.Objectives).Kind);
        Assert.Equal("none", SampleChanges.Of(folder.Run("none").Steps(1).Folder, ["accuracy"]).Kind);
    }

    [Fact]
    public void Long_texts_are_cut_and_say_so()
    {
        string huge = new string('x', 2399) + "😀" + new string('y', 100_000);
        var run = folder.Run("run").Steps(20).Samples("validation-000000", ("p", huge, 0)).Samples("validation-000020", ("p", "short", 1));
        string text = SampleChanges.Of(run.Folder, run.Objectives).Pairs[0].Before.Response;
        Assert.StartsWith(new string('x', 2399) + " … (", text, StringComparison.Ordinal);
        Assert.EndsWith("100,002 more characters)", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_front_is_over_all_runs_and_a_kill_is_told_from_an_end_in_order()
    {
        var a = folder.Run("a").Job();
        File.WriteAllLines(a.Metrics, [Point(0, 0.1, 0.1), Point(10, 0.5, 0.5), Point(20, 0.9, 0.2)]);
        var b = folder.Run("b").Job();
        File.WriteAllLines(b.Metrics, [Point(0, 0.1, 0.1), Point(10, 0.6, 0.5), Point(20, 0.9, 0.2)]);
        a.Faults("""{"kind":"started"}""", """{"kind":"resumed","step":5,"redo_steps":3}""", """{"kind":"stopped"}""", """{"kind":"resumed","step":8,"redo_steps":0}""", """{"kind":"rolled_back"}""", """{"kind":"resumed","redo_steps":2}""", """{"kind":"redone","message":"silo b is gone."}""", """{"kind":"continued"}""", "{\"kind\":\"fini");
        var data = ReportBuilder.Build(ReportRuns.Read(["a", "b"], folder.Path), "test", DateTimeOffset.UnixEpoch);
        // Both end with the same worst gain: the order in which they were named.
        Assert.Equal(["a", "b"], data.Runs.Select(run => run.Label));
        Assert.Equal([false, false, true], data.Runs[0].Validation.Front);
        Assert.Equal([false, true, true], data.Runs[1].Validation.Front);
        var faults = data.Runs[0].Faults;
        Assert.Equal((true, 2, 3, 1, 1, 1, 5), (faults.Recorded, faults.Died, faults.Resumes, faults.TakeOvers, faults.Redone, faults.RolledBack, faults.RedoSteps));
        Assert.Equal(8, faults.Events.Count);
        Assert.False(data.Runs[1].Faults.Recorded);
    }

    [Theory]
    [InlineData("method: ctwa, targets: [0.2, 0.1]", "correlation_ema", 0.2, 0.1)]
    [InlineData("method: ctwa, targets: 0.3, mode: reference", "covariance_ema", 0.3, 0.3)]
    [InlineData("method: ctwa, targets: 0.3, mode: reference, use_correlation: true", "correlation_ema", 0.3, 0.3)]
    [InlineData("method: ctwa", "correlation_balanced", null, null)]
    [InlineData("method: linear", null, null, null)]
    public void Targets_are_those_of_the_method(string scalarizer, string? metric, double? first, double? second)
    {
        folder.Run("run").Job(scalarizer).Steps(1);
        var targets = ReportBuilder.Build(ReportRuns.Read(["run"], folder.Path), "test", DateTimeOffset.UnixEpoch).Runs[0].Targets;
        Assert.Equal(metric, targets.Metric);
        Assert.Equal(first is null ? null : [first, second], targets.Covariance);
    }

    [Fact]
    public void Constraints_of_lagrangian_skip_the_primary_objective()
    {
        folder.Run("run", "a", "b", "c").Job("method: lagrangian, primary: b, constraints: [0.4, 0.6]").Steps(1);
        Assert.Equal([0.4, null, 0.6], ReportBuilder.Build(ReportRuns.Read(["run"], folder.Path), "test", DateTimeOffset.UnixEpoch).Runs[0].Targets.Score);
    }

    [Fact]
    public void Runs_of_one_name_are_told_apart()
    {
        folder.Run("x/run").Job().Steps(1);
        folder.Run("y/run").Job().Steps(1);
        Assert.Equal(["x/run", "y/run"], ReportRuns.Read(["x/run", "y/run", "x/run/"], folder.Path).Select(run => run.Label));
    }

    public void Dispose() => folder.Dispose();

    private static string Point(int step, double first, double second) => FormattableString.Invariant($"{{\"stage\":\"rl\",\"step\":{step},\"validation/accuracy/mean\":{first},\"validation/conciseness/mean\":{second}}}");
}
