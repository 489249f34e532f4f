using System.Text.Json;
using Ctwa.Client.Commands;
using Ctwa.Client.Grid;
using Ctwa.Client.Logs;
using Ctwa.Client.Tests.Commands;
using Ctwa.Client.Tests.Grid;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;
using Xunit;

namespace Ctwa.Client.Tests.Logs;

/// <summary>A job's log over the grid and from a folder.</summary>
public sealed class LogsCommandTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-logs-").FullName;
    private readonly FakeJobGrid grid = new() { Job = _ => FakeJobGrid.Record(JobState.Succeeded) };
    private readonly StringWriter output = new();
    private readonly StringWriter error = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public async Task All_pages_are_read_and_long_texts_are_indented()
    {
        Add("started", "two\nlines", "third");
        await ReadAsync();
        Assert.Equal(
            """
            2026-01-02 03:04:00  info     started
            2026-01-02 03:04:01  info     two
                                          lines
            2026-01-02 03:04:02  info     third

            """,
            output.ToString(),
            ignoreLineEndingDifferences: true);
    }

    [Theory]
    [InlineData(0, "")]
    [InlineData(1, "l9")]
    [InlineData(3, "l7 l8 l9")]
    [InlineData(100, "l0 l1 l2 l3 l4 l5 l6 l7 l8 l9")]
    public async Task The_tail_has_as_many_lines_as_were_asked_for(int count, string lines)
    {
        Add([.. Enumerable.Range(0, 10).Select(i => $"l{i}")]);
        await ReadAsync(tail: count);
        Assert.Equal(lines, string.Join(' ', output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1])));
        Assert.Equal("", error.ToString());
    }

    [Fact]
    public async Task Following_goes_on_until_the_job_has_ended_and_tells_its_last_words()
    {
        Add("first");
        grid.Job = n =>
        {
            if (n == 3) { Add("second"); }
            if (n == 5) { Add("last"); }
            return FakeJobGrid.Record(n < 5 ? JobState.Running : JobState.Succeeded);
        };
        await ReadAsync(follow: true);
        Assert.Equal(["first", "second", "last"], output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(' ')[^1]));
    }

    [Fact]
    public async Task JSON_is_one_document_or_one_for_each_line_that_follows()
    {
        Add("a", "b");
        grid.LogLines.Add(new JobLogLine(At(2), 7, JobLogLevel.Warning, "w"));
        await ReadAsync(json: true, least: JobLogLevel.Warning);
        using (var document = JsonDocument.Parse(output.ToString()))
        {
            var line = Assert.Single(document.RootElement.GetProperty("lines").EnumerateArray());
            Assert.Equal(("tiny-1", "2026-01-02T03:04:02.000Z", 7, "warning", "w"), (document.RootElement.GetProperty("job").GetString(), line.GetProperty("time").GetString(), line.GetProperty("epoch").GetInt32(), line.GetProperty("level").GetString(), line.GetProperty("text").GetString()));
        }

        output.GetStringBuilder().Clear();
        await ReadAsync(json: true, follow: true);
        Assert.Equal(3, output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries).Count(line => JsonDocument.Parse(line).RootElement.TryGetProperty("text", out _)));
    }

    [Fact]
    public async Task Silence_is_explained()
    {
        await ReadAsync();
        Assert.Contains("no silo sees lines in /runs/tiny-1/log.jsonl", error.ToString(), StringComparison.Ordinal);
        grid.Job = _ => FakeJobGrid.Record(JobState.Queued);
        await ReadAsync();
        Assert.Contains("tiny-1 has told nothing: it is queued and has not run yet", error.ToString(), StringComparison.Ordinal);
        grid.Job = _ => null;
        Assert.Equal("there is no job 'tiny-1' on this grid; ctwa jobs lists them.", (await Assert.ThrowsAsync<CommandFailure>(() => ReadAsync())).Message);
    }

    [Fact]
    public async Task A_run_directory_needs_no_grid()
    {
        string run = Path.Combine(folder, "run");
        Directory.CreateDirectory(run);
        Assert.Equal(ExitCodes.BadInput, (await CtwaCommandTests.RunAsync(["logs", run])).Code);
        await File.WriteAllTextAsync(Path.Combine(run, JobLogReader.FileName), """
            {"time":"2026-01-02T03:04:05.678Z","epoch":0,"level":"info","text":"started\u001b[2J"}
            not ours
            {"time":"2026-01-02T03:04:06.678Z","epoch":0,"level":"error","text":"it went wrong"}
            {"time":"2026-01-02T03:04:07.678Z","epoch":0,"level":"info","te
            """, Token);
        var (code, text, _) = await CtwaCommandTests.RunAsync(["logs", run]);
        Assert.Equal((0, "2026-01-02 03:04:05  info     started?[2J\n2026-01-02 03:04:06  error    it went wrong\n"), (code, text));
        Assert.Equal("2026-01-02 03:04:06  error    it went wrong\n", (await CtwaCommandTests.RunAsync(["logs", run, "--tail", "1", "--level", "warning"])).Output);
    }

    private static DateTimeOffset At(int second) => new(2026, 1, 2, 3, 4, second, TimeSpan.Zero);

    private void Add(params string[] texts)
    {
        foreach (string text in texts) { grid.LogLines.Add(new JobLogLine(At(grid.LogLines.Count % 60), 1, JobLogLevel.Info, text)); }
    }

    private async Task ReadAsync(int? tail = null, bool follow = false, bool json = false, JobLogLevel least = JobLogLevel.Info)
    {
        var printer = new LogPrinter("tiny-1", json, follow, least, output);
        await LogsCommand.ReadAsync(new Fast(new GridLogSource(grid.Grain<IGridGrain>(IGridGrain.Key), new PatientCalls(FakeJobGrid.Short), "tiny-1", error)), tail, printer, Token);
        await printer.CloseAsync();
    }

    /// <summary>The same without waiting between two looks.</summary>
    private sealed class Fast(ILogSource source) : ILogSource
    {
        public TimeSpan Period => TimeSpan.FromMilliseconds(1);

        public Task<JobLogPage> ReadAsync(long from, CancellationToken cancellationToken) => source.ReadAsync(from, cancellationToken);

        public Task<bool> GoesOnAsync(CancellationToken cancellationToken) => source.GoesOnAsync(cancellationToken);

        public Task ExplainSilenceAsync(CancellationToken cancellationToken) => source.ExplainSilenceAsync(cancellationToken);
    }
}
