using Xunit;

namespace Ctwa.Client.Tests.Reports;

/// <summary>What users do wrong, and what stands in files: one clear message and its exit code each.</summary>
public sealed class ReportErrorTests : IDisposable
{
    private readonly ReportFolder folder = new();

    [Fact]
    public async Task Nothing_named_a_missing_folder_a_file_and_a_folder_of_other_things()
    {
        File.WriteAllText(folder.At("notes.txt"), "hello");
        Directory.CreateDirectory(folder.At("pictures"));
        await RefusedAsync(2, "no run: name at least one run directory", []);
        await RefusedAsync(2, "there is no such folder", ["nowhere"]);
        await RefusedAsync(2, "notes.txt is a file; name the run directory that holds it", ["notes.txt"]);
        await RefusedAsync(2, "pictures is not a run directory: it holds neither metrics.jsonl nor job.yaml", ["pictures"]);
        await RefusedAsync(2, "--output is empty", ["pictures", "--output", ""]);
        await RefusedAsync(2, "both name a.html", ["pictures", "--output", "a.html", "--csv", "a.html"]);
    }

    [Fact]
    public async Task A_run_without_a_step()
    {
        folder.Run("fresh").Job();
        await RefusedAsync(2, "fresh has no finished step yet", ["fresh"]);
        File.WriteAllText(folder.At("fresh/metrics.jsonl"), "{\"stage\":\"rl\",\"st");
        await RefusedAsync(2, "fresh has no finished step yet", ["fresh"]);
    }

    [Theory]
    [InlineData("{\"stage\":\"rl\",\"step\":21,", "it is no complete JSON")]
    [InlineData("[1,2]", "it is no JSON object")]
    [InlineData("{\"step\":21}", "it lacks \"stage\"")]
    [InlineData("{\"stage\":\"rl\",\"step\":1.5}", "it lacks \"stage\"")]
    [InlineData("{\"stage\":\"rl\",\"step\":20}", "rl step 20 follows step 20")]
    [InlineData("{\"stage\":\"rl\",\"step\":21}{}", "invalid after a single JSON value")]
    [InlineData("{\"stage\":\"rl\",\"step\":21,\"\\ud800\":1}", "a name in it is no valid text")]
    public async Task A_damaged_line_is_named_by_file_and_number(string line, string wrong)
    {
        var run = folder.Run("run").Job().Steps(20);
        // Behind three supervised steps and steps 0 to 20.
        File.AppendAllText(run.Metrics, line + "\n");
        await RefusedAsync(2, wrong, ["run"], "metrics.jsonl, line 25: ", "The file is damaged there");
    }

    [Fact]
    public async Task A_torn_last_line_is_normal_and_is_said()
    {
        var run = folder.Run("run").Job().Steps(20);
        const string torn = "{\"stage\":\"rl\",\"step\":21,\"objec";
        File.AppendAllText(run.Metrics, torn);
        var (code, _, error) = await folder.ReportAsync("run");
        Assert.Equal(0, code);
        Assert.Contains($"note: run: The last line of metrics.jsonl is not complete ({torn.Length} bytes)", error, StringComparison.Ordinal);
        Assert.Contains("The last line of metrics.jsonl is not complete", File.ReadAllText(run.At("report.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Files_that_cannot_be_read()
    {
        folder.Run("run").Job();
        Directory.CreateDirectory(folder.At("run/metrics.jsonl"));
        await RefusedAsync(5, "run cannot be read: metrics.jsonl in it is a folder", ["run"]);
        Directory.Delete(folder.At("run/metrics.jsonl"));
        // A file whose reading fails, also for root.
        File.CreateSymbolicLink(folder.At("run/metrics.jsonl"), "/proc/self/mem");
        await RefusedAsync(5, "run cannot be read: ", ["run"]);
    }

    [Fact]
    public async Task Runs_with_other_objectives()
    {
        folder.Run("a").Job().Steps(10);
        folder.Run("b", "accuracy", "clarity").Job().Steps(10);
        await RefusedAsync(2, "the runs have different objectives: a has accuracy, conciseness, b has accuracy, clarity", ["a", "b"]);
    }

    [Fact]
    public async Task An_output_that_is_not_ours_stays_and_our_own_is_replaced()
    {
        var run = folder.Run("run").Job().Steps(10);
        File.WriteAllText(folder.At("mine.html"), "<html>my page</html>");
        await RefusedAsync(2, "mine.html exists and was not written by ctwa report", ["run", "--output", "mine.html"]);
        Assert.Equal("<html>my page</html>", File.ReadAllText(folder.At("mine.html")));
        await RefusedAsync(2, "run is a folder; name a file", ["run", "--output", "run"]);
        Assert.Equal(0, (await folder.ReportAsync("run")).Code);
        var first = File.GetLastWriteTimeUtc(run.At("report.html"));
        Assert.Equal(0, (await folder.ReportAsync("run")).Code);
        Assert.NotEqual(first, File.GetLastWriteTimeUtc(run.At("report.html")));
        Assert.Equal(0, (await folder.ReportAsync("run", "--output", "mine.html", "--force")).Code);
        Assert.StartsWith("<!doctype html><!-- ctwa report -->", File.ReadAllText(folder.At("mine.html")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_output_that_cannot_be_written()
    {
        folder.Run("run").Job().Steps(10);
        await RefusedAsync(5, "cannot be written", ["run", "--output", "nowhere/report.html"]);
        await RefusedAsync(5, "cannot be written", ["run", "--csv", "/proc/metrics.csv"]);
        File.WriteAllText(folder.At("taken"), "");
        await RefusedAsync(5, "event files cannot be written below", ["run", "--tensorboard", "taken"]);
    }

    [Fact]
    public async Task A_job_that_this_build_cannot_read_is_no_reason_to_refuse()
    {
        var run = folder.Run("run").Steps(10);
        File.WriteAllText(run.At("job.yaml"), "name: x\nfuture_key: 1\n");
        var (code, _, error) = await folder.ReportAsync("run");
        Assert.Equal(0, code);
        Assert.Contains("This build cannot read its job.yaml", error, StringComparison.Ordinal);
        File.Delete(run.At("job.yaml"));
        Assert.Contains("The run has no job.yaml", (await folder.ReportAsync("run")).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Too_many_runs()
    {
        for (int i = 0; i < 65; i++) { folder.Run($"all/run-{i}").Steps(1); }
        await RefusedAsync(2, "65 runs are too many for one report; give at most 64", ["all"]);
    }

    public void Dispose() => folder.Dispose();

    private async Task RefusedAsync(int code, string message, string[] arguments, params string[] more)
    {
        var result = await folder.ReportAsync(arguments);
        Assert.Equal(code, result.Code);
        Assert.All([message, .. more], text => Assert.Contains(text, result.Error, StringComparison.Ordinal));
        Assert.Empty(result.Output);
    }
}
