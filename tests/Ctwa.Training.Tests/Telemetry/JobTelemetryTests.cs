using System.Text.Json.Nodes;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;
using Ctwa.Training.Tests.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Telemetry;

/// <summary>What collectors are told of a job, beside what its metrics.jsonl says.</summary>
public sealed class JobTelemetryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-telemetry-").FullName;

    private static JobSpec Job => TinyJobs.Arithmetic(steps: 3, warmStartSteps: 2) with { Diagnostics = new DiagnosticsSpec { GramEvery = 1, RealisedEvery = 1 } };

    [Fact]
    public async Task What_is_told_is_what_metrics_jsonl_says()
    {
        using var telemetry = JobTelemetry.Begin("told", Job);
        var before = CollectedSeries.Of("told");
        Assert.Equal(0, before["ctwa.job.steps rl"]);
        Assert.Equal(0, before["ctwa.job.losses"]);
        Assert.DoesNotContain("ctwa.job.step rl", before.Keys);

        var run = new RunFolder(Path.Combine(_folder, "run"), Job);
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync(telemetry: telemetry));
        var told = CollectedSeries.Of("told");
        JsonObject[] lines = [.. File.ReadLines(run.In("metrics.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject())];
        JsonObject[] rl = [.. lines.Where(line => (string)line["stage"]! == "rl" && (int)line["step"]! > 0)];
        Assert.Equal((3, 2, 3, 3), (told["ctwa.job.steps rl"], told["ctwa.job.steps supervised"], told["ctwa.job.step rl"], told["ctwa.job.step.planned rl"]));
        Assert.Equal((double)rl[^1]["loss/policy"]!, told["ctwa.job.loss policy"]);
        Assert.Equal((double)rl[^1]["learning_rate"]!, told["ctwa.job.learning_rate"]);
        Assert.Equal((double)rl[^1]["policy/clip_fraction"]!, told["ctwa.job.clip.fraction"]);
        foreach (string objective in (string[])["accuracy", "conciseness", "clarity"])
        {
            Assert.Equal((double)rl[^1][$"objective/{objective}/mean"]!, told[$"ctwa.objective.score {objective}"]);
            Assert.Equal((double)rl[^1][$"weight/{objective}"]!, told[$"ctwa.objective.weight {objective}"]);
            Assert.Equal((double)rl[^1][$"covariance/{objective}"]!, told[$"ctwa.objective.covariance {objective}"]);
            Assert.Equal((double)lines.Last(line => line.ContainsKey($"validation/{objective}/mean"))[$"validation/{objective}/mean"]!, told[$"ctwa.objective.validation {objective}"]);
            Assert.Equal(rl.Sum(line => line.Where(value => value.Key.StartsWith($"interference/pair/{objective}/", StringComparison.Ordinal)).Sum(value => (double)value.Value!)), told[$"ctwa.objective.interference {objective}"]);
        }

        Assert.Equal((double)rl.Last(line => line.ContainsKey("gradient/cosine/accuracy/clarity"))["gradient/cosine/accuracy/clarity"]!, told["ctwa.objective.cosine accuracy clarity"]);
        Assert.Equal(rl.Sum(line => (double)line["time/generate_s"]!), told["ctwa.job.phase.time generate"], 9);
        // Tokens: responses of 24 samples, whose mean length is told.
        Assert.Equal(rl.Sum(line => (double)line["response/length/mean"]! * 24), told["ctwa.job.tokens rl"], 6);
        Assert.Equal(new DirectoryInfo(run.Checkpoints.Complete()[^1]).EnumerateFiles().Sum(file => file.Length), told["ctwa.job.checkpoint.size"]);
        Assert.Equal((0, 0), (told["ctwa.job.losses"], told["ctwa.job.recoveries in_place"]));
        Assert.InRange(told["ctwa.job.commit.timestamp"], DateTimeOffset.UtcNow.ToUnixTimeSeconds() - 300, DateTimeOffset.UtcNow.ToUnixTimeSeconds() + 1);
    }

    [Fact]
    public async Task A_step_that_is_done_again_counts_once_and_the_loss_is_told()
    {
        var run = new RunFolder(Path.Combine(_folder, "run"), Job);
        using var telemetry = JobTelemetry.Begin("again", Job);
        bool failed = false;
        Action<int, string> fail = (_, call) =>
        {
            if (call != "accumulate" || failed) { return; }
            failed = true;
            throw new ComputeLostException("a silo is gone.");
        };
        Assert.Equal(RunOutcome.Finished, await run.AttemptAsync(inner => new FaultyBackend(inner, after: fail), telemetry: telemetry));
        var told = CollectedSeries.Of("again");
        Assert.True(failed);
        Assert.Equal(3, told["ctwa.job.steps rl"]);
        // One process cannot recover in place: it goes back to its checkpoint.
        Assert.Equal((1, 0, 1), (told["ctwa.job.losses"], told["ctwa.job.recoveries in_place"], told["ctwa.job.recoveries checkpoint"]));
        Assert.True(told["ctwa.job.redos"] >= 1);
        Assert.InRange(told["ctwa.job.recovery.time"], 0.0001, 60);
    }

    [Fact]
    public void Gauges_end_with_the_job_counters_two_minutes_later_and_a_second_run_goes_on_with_them()
    {
        var time = new ManualTime();
        var first = JobTelemetry.Begin("twice", Job, time);
        first.Place(members: 3, mirrored: 2, single: 0, promotions: 1);
        Assert.Equal((3, 1), (CollectedSeries.Of("twice")["ctwa.job.members"], CollectedSeries.Of("twice")["ctwa.job.promotions"]));
        first.Dispose();
        var after = CollectedSeries.Of("twice");
        Assert.DoesNotContain("ctwa.job.members", after.Keys);
        Assert.Equal(1, after["ctwa.job.promotions"]);

        var second = JobTelemetry.Begin("twice", Job, time);
        second.Place(members: 2, mirrored: 2, single: 0, promotions: 1);
        Assert.Equal((2, 2), (CollectedSeries.Of("twice")["ctwa.job.members"], CollectedSeries.Of("twice")["ctwa.job.promotions"]));
        // The end of the first run is not that of the second.
        first.Dispose();
        Assert.Equal(2, CollectedSeries.Of("twice")["ctwa.job.members"]);
        second.Dispose();
        time.Advance(TimeSpan.FromMinutes(2.1));
        Assert.Empty(CollectedSeries.Of("twice"));
    }

    [Fact]
    public void Time_lost_counts_from_the_first_loss_to_the_commit()
    {
        var time = new ManualTime();
        using var job = JobTelemetry.Begin("lost", Job, time);
        var line = new MetricsLine(TrainingStage.Rl, 1, 3);
        job.Lose(toCheckpoint: false);
        time.Advance(TimeSpan.FromSeconds(2));
        job.Lose(toCheckpoint: false);
        job.Lose(toCheckpoint: true);
        time.Advance(TimeSpan.FromSeconds(3));
        job.Commit(TrainingStage.Rl, 1, line, TimeSpan.Zero);
        job.Commit(TrainingStage.Rl, 2, line, TimeSpan.Zero);
        var told = CollectedSeries.Of("lost");
        Assert.Equal((2, 3, 0, 1, 5), (told["ctwa.job.losses"], told["ctwa.job.redos"], told["ctwa.job.recoveries in_place"], told["ctwa.job.recoveries checkpoint"], told["ctwa.job.recovery.time"]));
    }

    [Fact]
    public void Labels_are_bounded_in_length_and_number()
    {
        string hostile = new string('x', 5000) + "\u001b[31m\n";
        var many = Job with { Objectives = [.. Enumerable.Range(0, 50).Select(i => Job.Objectives[0] with { Name = $"o{i}" })] };
        using var job = JobTelemetry.Begin(hostile, many);
        Assert.Equal(LabelText.Most, job.JobId.Length);
        Assert.DoesNotContain(job.JobId, char.IsControl);
        Assert.NotEqual(job.JobId, LabelText.Bounded(hostile + "y"));
        Assert.Equal(JobTelemetry.MostObjectives, CollectedSeries.Of(job.JobId).Keys.Count(key => key.StartsWith("ctwa.objective.failures ", StringComparison.Ordinal)));

        JobTelemetry[] more = [.. Enumerable.Range(0, RunningJobs.Most + 5).Select(i => JobTelemetry.Begin($"many-{i}", Job))];
        Assert.Empty(CollectedSeries.Of($"many-{more.Length - 1}"));
        foreach (var one in more) { one.Dispose(); }

        // Room is there again at once.
        using var late = JobTelemetry.Begin("late", Job);
        Assert.NotEmpty(CollectedSeries.Of("late"));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private sealed class ManualTime : TimeProvider
    {
        private long _ticks = 1;

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks;

        public void Advance(TimeSpan by) => _ticks += by.Ticks;
    }
}
