using System.Text;
using Ctwa.TestKit.Tracking;
using Ctwa.Training.Tracking;
using Xunit;

namespace Ctwa.Training.Specification.Tests.Tracking;

public sealed class TensorBoardHistoryTests : IDisposable
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddSeconds(1_750_000_000.25);

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-events-").FullName;

    private string Metrics => Path.Combine(_folder, "metrics.jsonl");

    private string Events => Path.Combine(_folder, "tensorboard");

    [Fact]
    public void The_checksum_of_the_reader_is_the_published_one() => Assert.Equal(0xe3069283u, EventFileReader.Crc32C("123456789"u8));

    [Fact]
    public void Every_number_of_a_line_is_a_scalar_of_its_step_and_stage()
    {
        using (var history = new TensorBoardHistory(Events, Start))
        {
            history.Add("""{"stage":"supervised","step":1,"steps_total":2,"loss/supervised":4.5,"time/step_s":0.5}"""u8);
            history.Add("""{"stage":"rl","step":0,"steps_total":9,"validation/accuracy/mean":0.25,"time/step_s":2}"""u8);
            history.Add("""{"stage":"rl","step":300,"steps_total":900,"weight/größe":-1e-3,"time/step_s":1,"text":"no","list":[1,{"a":2}],"x":{"y":1},"big":1e300}"""u8);
            history.Publish();
        }

        var rl = EventFileReader.Read(Assert.Single(Directory.GetFiles(Path.Combine(Events, "rl"))));
        Assert.Equal("brain.Event:2", rl[0].FileVersion);
        Assert.Equal((1, 0L), (rl[1].SessionStatus, rl[1].Step));
        Assert.Equal([("validation/accuracy/mean", 0.25f), ("time/step_s", 2f)], rl[2].Scalars);
        Assert.Equal(300, rl[3].Step);
        Assert.Equal([("weight/größe", -1e-3f), ("time/step_s", 1f)], rl[3].Scalars);
        // Seconds of all steps before and of its own, of both stages.
        Assert.Equal([1_750_000_002.75, 1_750_000_003.75], rl.Skip(2).Select(one => one.WallTime));
        var supervised = EventFileReader.Read(Assert.Single(Directory.GetFiles(Path.Combine(Events, "supervised"))));
        Assert.Equal([("loss/supervised", 4.5f), ("time/step_s", 0.5f)], supervised[2].Scalars);
    }

    [Fact]
    public void A_history_takes_the_place_of_the_one_before_it_at_once()
    {
        Write((1, 0.1), (2, 0.2), (3, 0.3));
        using (var first = TensorBoardHistory.Of(Events, Metrics, out _)) { first.Publish(); }
        string before = Assert.Single(Files());

        // Steps 2 and 3 are done again.
        Write((1, 0.1), (2, 0.5));
        using (var second = TensorBoardHistory.Of(Events, Metrics, out var tail))
        {
            Assert.Equal([before], Files());
            second.Publish();
            Assert.DoesNotContain(before, Files());
            Assert.Equal([(1L, 0.1f), (2, 0.5f)], Shown());
            File.AppendAllText(Metrics, Line(3, 0.6));
            foreach (var line in tail.ReadLines()) { second.Add(line.Span); }
            second.Flush();
            Assert.Equal([(1L, 0.1f), (2, 0.5f), (3, 0.6f)], Shown());
        }

        Assert.Equal([(1L, 0.1f), (2, 0.5f), (3, 0.6f)], Shown());
        Assert.Single(Files());
    }

    [Fact]
    public void A_reader_that_keeps_an_old_file_open_forgets_what_was_done_again()
    {
        Write((1, 0.1), (2, 0.2));
        using (var first = TensorBoardHistory.Of(Events, Metrics, out _)) { first.Publish(); }
        string kept = Path.Combine(_folder, Path.GetFileName(Files()[0]));
        File.Copy(Files()[0], kept);
        Write((1, 0.7));
        using (var second = TensorBoardHistory.Of(Events, Metrics, out _)) { second.Publish(); }
        File.Copy(kept, Path.Combine(Events, "rl", Path.GetFileName(kept)));
        Assert.Equal([(1L, 0.7f)], Shown());
    }

    [Fact]
    public void Files_of_others_stay_and_leftovers_of_ours_go()
    {
        string folder = Directory.CreateDirectory(Path.Combine(Events, "rl")).FullName;
        File.WriteAllText(Path.Combine(folder, "events.out.tfevents.1.other"), "");
        File.WriteAllText(Path.Combine(folder, ".events.out.unpublished.1.host.1.0001.ctwa"), "half");
        Write((1, 0.1));
        using (var history = TensorBoardHistory.Of(Events, Metrics, out _)) { history.Publish(); }
        string[] names = [.. Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)!];
        Assert.Equal(2, names.Length);
        Assert.Equal("events.out.tfevents.1.other", names[0]);
        Assert.EndsWith(".ctwa", names[1], StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_not_published_leaves_nothing()
    {
        Write((1, 0.1));
        using (TensorBoardHistory.Of(Events, Metrics, out _)) { }
        Assert.Empty(Files());
    }

    [Fact]
    public void Damaged_and_torn_lines_are_passed_over()
    {
        File.WriteAllText(Metrics, Line(1, 0.1) + "{\"stage\":\"rl\",\"st\n[1]\n{\"stage\":\"other\",\"step\":1,\"v\":1}\n{\"stage\":\"rl\",\"step\":-1,\"v\":1}\n" + Line(2, 0.2) + Line(3, 0.3).TrimEnd('\n'));
        using var history = TensorBoardHistory.Of(Events, Metrics, out var tail);
        history.Publish();
        Assert.Equal([(1L, 0.1f), (2, 0.2f)], Shown());
        Assert.Equal(Encoding.UTF8.GetByteCount(Line(3, 0.3)) - 1, tail.TornBytes);
    }

    [Fact]
    public void A_line_longer_than_a_reading_is_read_whole()
    {
        string many = string.Join(',', Enumerable.Range(0, 20_000).Select(i => $"\"m/{i}\":{i}"));
        File.WriteAllText(Metrics, $"{{\"stage\":\"rl\",\"step\":1,{many}}}\n");
        using var history = TensorBoardHistory.Of(Events, Metrics, out _);
        history.Publish();
        Assert.Equal(20_000, EventFileReader.History(Path.Combine(Events, "rl")).Count);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Line(int step, double value) => FormattableString.Invariant($"{{\"stage\":\"rl\",\"step\":{step},\"v\":{value}}}\n");

    private void Write(params (int Step, double Value)[] lines) => File.WriteAllText(Metrics, string.Concat(lines.Select(line => Line(line.Step, line.Value))));

    private string[] Files() => Directory.Exists(Path.Combine(Events, "rl")) ? Directory.GetFiles(Path.Combine(Events, "rl")) : [];

    private IEnumerable<(long, float)> Shown() => EventFileReader.History(Path.Combine(Events, "rl")).Select(one => (one.Step, one.Value));
}
