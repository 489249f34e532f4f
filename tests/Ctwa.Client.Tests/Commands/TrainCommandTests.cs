using System.Diagnostics;
using Ctwa.Client.Commands;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Client.Tests.Commands;

public sealed class TrainCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-train-command-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task A_dry_run_prints_a_job_file_and_the_plan_and_starts_nothing()
    {
        var (code, output, error) = await CtwaCommandTests.RunAsync(["train", Write("job.yaml", JobText.Valid), "--dry-run", "--set", "schedule.steps=7", "--output", Path.Combine(folder, "out")]);
        Assert.Equal((ExitCodes.Success, ""), (code, error));
        Assert.Contains("# Plan", output, StringComparison.Ordinal);
        Assert.Contains("memory", output, StringComparison.Ordinal);
        var again = JobSpecReader.ReadText("output", output, []);
        Assert.Empty(again.Errors);
        Assert.Equal(7, again.Spec!.Schedule.Steps);
        Assert.False(Directory.Exists(Path.Combine(folder, "out")));
    }

    [Fact]
    public async Task All_errors_of_a_job_are_told_at_once_within_two_seconds_and_nothing_is_made()
    {
        string job = Write("job.yaml", JobText.Valid.Replace("name: tiny", "nmae: tiny", StringComparison.Ordinal).Replace("kind: math_boxed", "kind: math_box", StringComparison.Ordinal));
        var clock = Stopwatch.StartNew();
        var (code, output, error) = await CtwaCommandTests.RunAsync(["train", job, "--output", Path.Combine(folder, "out")]);
        Assert.Equal((ExitCodes.BadInput, ""), (code, output));
        Assert.Contains($"{job}(1,1): nmae:", error, StringComparison.Ordinal);
        Assert.Contains("math_boxed", error, StringComparison.Ordinal);
        Assert.Contains("nothing was started", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(Path.Combine(folder, "out")));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 2);
    }

    [Fact]
    public async Task A_file_that_the_job_names_is_checked_before_anything_starts()
    {
        string job = Write("job.yaml", JobText.Valid.Replace("train: { task: arithmetic, count: 64 }", "train: { path: missing.jsonl }", StringComparison.Ordinal));
        var (code, _, error) = await CtwaCommandTests.RunAsync(["train", job]);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains("missing.jsonl", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_job_file_is_bad_input()
    {
        var (code, _, error) = await CtwaCommandTests.RunAsync(["train", Path.Combine(folder, "none.yaml")]);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains("no such file", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resumed_run_takes_its_own_job_and_refuses_another()
    {
        string run = Path.Combine(folder, "run");
        Directory.CreateDirectory(run);
        Write("run/job.yaml", JobText.Valid);
        var (code, output, _) = await CtwaCommandTests.RunAsync(["train", "--resume", run, "--set", "schedule.steps=9", "--dry-run"]);
        Assert.Equal(ExitCodes.Success, code);
        Assert.Equal(9, JobSpecReader.ReadText("output", output, []).Spec!.Schedule.Steps);

        var same = await CtwaCommandTests.RunAsync(["train", Write("same.yaml", JobText.Valid), "--resume", run, "--dry-run"]);
        Assert.Equal(ExitCodes.Success, same.Code);
        var other = await CtwaCommandTests.RunAsync(["train", Write("other.yaml", JobText.Valid + "\nseed: 5\n"), "--resume", run, "--dry-run"]);
        Assert.Equal(ExitCodes.BadInput, other.Code);
        Assert.Contains("is not the job of", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_schema_is_printed()
    {
        var (code, output, _) = await CtwaCommandTests.RunAsync(["schema"]);
        Assert.Equal(ExitCodes.Success, code);
        Assert.Equal(JobSchema.Json().TrimEnd(), output.TrimEnd());
    }

    [Theory]
    [InlineData(4, 1)]
    [InlineData(1, 1000)]
    public void Lanes_are_at_least_one_and_at_most_one_per_shard(int shards, int threads)
    {
        var spec = JobSpecReader.ReadText("job", JobText.Valid + FormattableString.Invariant($"\ngrid: {{ shards: {shards}, threads_per_shard: {threads} }}\n"), []).Spec!;
        Assert.InRange(Ctwa.Client.Jobs.JobFiles.DefaultLanes(spec), 1, shards);
    }

    private string Write(string name, string text)
    {
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, text);
        return path;
    }
}
