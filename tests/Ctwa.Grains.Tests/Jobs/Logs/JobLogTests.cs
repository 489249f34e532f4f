using System.Collections.Immutable;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs.Logs;

/// <summary>What a job tells people, in its run directory.</summary>
public sealed class JobLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-job-log-").FullName;

    private string Log => Path.Combine(_folder, JobLogReader.FileName);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_was_told_is_read_again_by_epoch_and_level()
    {
        await using (var first = new JobLog(_folder, 1, TimeProvider.System)) { first.Add(JobLogLevel.Info, "started\nwith \"quotes\" and \e[2J"); }
        await using (var second = new JobLog(_folder, 2, TimeProvider.System)) { second.Add(JobLogLevel.Error, new string('x', 10_000)); }
        var page = JobLogReader.Read(Log, 0);
        Assert.Equal([(1, JobLogLevel.Info), (2, JobLogLevel.Error)], page.Lines.Select(line => ((int)line.Epoch, line.Level)));
        Assert.Equal("started\nwith \"quotes\" and \e[2J", page.Lines[0].Text);
        Assert.Equal(JobLog.LongestText + 3, page.Lines[1].Text.Length);
        Assert.False(page.More);
        Assert.Equal(new FileInfo(Log).Length, page.Next);
        Assert.Empty(JobLogReader.Read(Log, page.Next).Lines);
    }

    [Fact]
    public async Task Storage_that_is_away_costs_lines_and_nothing_else()
    {
        await using (var log = new JobLog(Path.Combine(_folder, "none"), 1, TimeProvider.System))
        {
            for (int i = 0; i < 10_000; i++) { log.Add(JobLogLevel.Info, "lost"); }
        }

        Assert.Empty(Directory.GetFileSystemEntries(_folder));
        Assert.Equal((0, 0, false), (JobLogReader.Read(Log, -100).Lines.Length, JobLogReader.Read(Log, -100).Next, JobLogReader.Read(Log, 7).More));
    }

    [Fact]
    public async Task A_file_that_is_large_enough_gets_no_more()
    {
        using (var file = File.Create(Log)) { file.SetLength(JobLogReader.LargestFile); }
        await using (var log = new JobLog(_folder, 1, TimeProvider.System)) { log.Add(JobLogLevel.Info, "too much"); }
        Assert.Equal(JobLogReader.LargestFile, new FileInfo(Log).Length);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(-100_000)]
    [InlineData(-200_000)]
    [InlineData(long.MinValue)]
    public void Pages_are_bounded_and_together_give_every_line_from_the_place_asked_for(long from)
    {
        var text = new StringBuilder();
        for (int i = 0; i < 1000; i++) { text.Append(JobLog.Format(new JobLogLine(DateTimeOffset.UnixEpoch, 1, JobLogLevel.Info, $"{i} {new string('y', i % 300)}"))).Append('\n'); }
        File.WriteAllText(Log, text.ToString());
        var lines = new List<JobLogLine>();
        long next = from;
        for (int pages = 0; ; pages++)
        {
            var page = JobLogReader.Read(Log, next);
            Assert.True(pages < 20);
            Assert.InRange(page.Lines.Sum(line => line.Text.Length), 0, GridLimits.AnswerBytes);
            lines.AddRange(page.Lines);
            next = page.Next;
            if (!page.More) { break; }
        }

        string[] numbers = [.. lines.Select(line => line.Text.Split(' ')[0])];
        int first = from is 0 or long.MinValue ? 0 : from == -1 ? 1000 : int.Parse(numbers[0], System.Globalization.CultureInfo.InvariantCulture);
        Assert.Equal([.. Enumerable.Range(first, 1000 - first).Select(i => $"{i}")], numbers);
        if (from is -100_000 or -200_000) { Assert.InRange(first, 1, 900); }
    }

    [Fact]
    public void Lines_that_are_cut_or_foreign_are_passed_over_and_a_half_one_is_waited_for()
    {
        string good = JobLog.Format(new JobLogLine(DateTimeOffset.UnixEpoch, 1, JobLogLevel.Warning, "good"));
        File.WriteAllText(Log, $"{good}\n{{\"time\":\n[]\n\"x\"\n{{\"time\":\"now\",\"text\":1,\"level\":\"info\"}}\n\xff\n{good}\n{good[..20]}");
        var page = JobLogReader.Read(Log, 0);
        Assert.Equal(["good", "good"], page.Lines.Select(line => line.Text));
        Assert.False(page.More);
        File.AppendAllText(Log, good[20..] + "\n");
        Assert.Single(JobLogReader.Read(Log, page.Next).Lines);
    }

    [Fact]
    public void A_file_without_line_ends_ends_the_reading()
    {
        File.WriteAllBytes(Log, new byte[300_000]);
        long next = 0;
        ImmutableArray<JobLogLine> lines = [];
        for (int pages = 0; pages < 20; pages++)
        {
            var page = JobLogReader.Read(Log, next);
            lines = lines.AddRange(page.Lines);
            if (!page.More || page.Next <= next) { break; }
            next = page.Next;
        }

        Assert.Empty(lines);
        Assert.True(next > 200_000);
    }
}
