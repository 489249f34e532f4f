using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs;

public sealed class JobHistoryReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-history-").FullName;

    private string Metrics => Path.Combine(_folder, "metrics.jsonl");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Pages_fit_into_messages_and_together_are_the_file()
    {
        string[] lines = [.. Lines("supervised", 30), .. Lines("rl", 200)];
        File.WriteAllLines(Metrics, lines);
        var read = new List<string>();
        for (JobPosition? after = null; ;)
        {
            var page = JobHistoryReader.Read(Metrics, after, Token);
            Assert.InRange(page.Lines.Sum(Encoding.UTF8.GetByteCount), 1, GridLimits.AnswerBytes);
            read.AddRange(page.Lines);
            after = JobHistoryReader.PositionOf(page.Lines[^1]);
            if (!page.More) { break; }
        }

        Assert.Equal(lines, read);
        Assert.Equal(lines[^3..], JobHistoryReader.Read(Metrics, new JobPosition(false, 197), Token).Lines);
        Assert.Equal(lines[29], JobHistoryReader.Read(Metrics, new JobPosition(true, 29), Token).Lines[0]);
    }

    [Fact]
    public void Lines_that_are_none_and_a_line_that_is_being_written_are_left_out()
    {
        File.WriteAllText(Metrics, "\nnot json\n[1]\n{\"stage\":\"rl\"}\n{\"stage\":\"rl\",\"step\":1.5}\n{\"stage\":\"rl\",\"step\":2}\n{\"stage\":\"rl\",\"step\":3");
        Assert.Equal(["""{"stage":"rl","step":2}"""], JobHistoryReader.Read(Metrics, null, Token).Lines);
    }

    [Fact]
    public void A_file_without_line_ends_is_not_read_into_memory()
    {
        using (var stream = File.Create(Metrics))
        {
            stream.SetLength(1L << 30);
            stream.Seek(0, SeekOrigin.End);
            stream.Write("\n{\"stage\":\"rl\",\"step\":7}\n"u8);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(["""{"stage":"rl","step":7}"""], JobHistoryReader.Read(Metrics, null, Token).Lines);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 2 << 20);
    }

    [Fact]
    public void What_is_not_there_has_no_lines_and_no_summary()
    {
        Assert.Empty(JobHistoryReader.Read(Path.Combine(_folder, "none", "metrics.jsonl"), null, Token).Lines);
        Assert.Null(JobHistoryReader.ReadSummary(Metrics));
        File.WriteAllText(Metrics, new string('x', GridLimits.AnswerBytes + 1));
        Assert.Null(JobHistoryReader.ReadSummary(Metrics));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IEnumerable<string> Lines(string stage, int count) => Enumerable.Range(1, count).Select(step => $$"""{"stage":"{{stage}}","step":{{step}},"text":"{{new string('é', 900)}}"}""");
}
