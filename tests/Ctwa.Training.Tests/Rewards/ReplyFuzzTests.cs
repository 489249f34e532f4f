using System.Diagnostics;
using System.Text;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards.Services;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Rewards;

/// <summary>Mutated replies of programs and services: an error that says what is wrong, never a crash or a hang, never a number that is none.</summary>
public sealed class ReplyFuzzTests
{
    private const int Mutations = 12_000;

    private static readonly string[] lines =
    [
        """{"id": 3, "score": 0.5}""",
        """{"id": "3", "scores": {"helpfulness": 0.25, "safety": -1e-3}}""",
        """{"id": 3, "scores": [1, 2, 3], "note": "text with \" and \\ and \u00e9"}""",
        """{"id": 3, "error": "out of memory"}""",
        """{"id": 3, "score": NaN}""",
    ];

    private static readonly string[] bodies =
    [
        """{"scores": [0.5, 1, null, {"a": 1, "b": 2}, [1, 2]]}""",
        """{"results": [{"id": 0, "score": 1}, {"id": 1, "error": "x"}, {"id": 4, "scores": {"a": 1}}, {"id": 3, "score": -Infinity}]}""",
    ];

    private static readonly string[] pieces = ["NaN", "Infinity", "-Infinity", "1e999", "-1e-999", "null", "true", "{}", "[]", "\"\"", "[[[[[[[[[[[[[[[[[[", "{\"a\":", "\\u0000", "\\ud800", "\u0000", "id", "\"id\": 3,", "99999999999999999999999999999", "0x1", ",", ":", "}", "]", "\"", "\\", "//", "\uFEFF", "1" + "000000000000000000000000000000000000000000"];

    [Fact]
    public void Mutated_lines_of_programs()
    {
        int accepted = 0, refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] line = Mutate(lines[i % lines.Length], i);
            try
            {
                using var document = ReplyJson.Parse(line);
                var reply = ItemReply.Read(document.RootElement);
                Check(reply.Reply);
                accepted++;
            }
            catch (RewardReplyException error)
            {
                Assert.InRange(error.Message.Length, 10, 400);
                Assert.DoesNotContain(error.Message, char.IsControl);
                refused++;
            }
        }

        Assert.True(accepted > 500 && refused > 500, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public void Mutated_bodies_of_services()
    {
        int accepted = 0, refused = 0;
        for (int i = 0; i < Mutations; i++)
        {
            byte[] body = Mutate(bodies[i % bodies.Length], i);
            try
            {
                var replies = HttpReplies.Read(body, 5);
                Assert.Equal(5, replies.Length);
                Assert.All(replies, Check);
                accepted++;
            }
            catch (RewardReplyException error)
            {
                Assert.InRange(error.Message.Length, 10, 400);
                refused++;
            }
        }

        Assert.True(accepted > 500 && refused > 500, $"{accepted} accepted, {refused} refused");
    }

    [Fact]
    public async Task Mutated_streams_of_lines()
    {
        var clock = Stopwatch.StartNew();
        for (int i = 0; i < 2_000; i++)
        {
            byte[] bytes = [.. Mutate(lines[i % lines.Length], i), (byte)(i % 3 == 0 ? ' ' : '\n'), .. Mutate(lines[(i + 1) % lines.Length], i + 1), (byte)'\r', (byte)'\n'];
            var reader = new Programs.BoundedLines(new Trickle(bytes, 1 + (i % 50)), maxBytes: 60);
            int sum = 0;
            try
            {
                while (await reader.NextAsync(TestContext.Current.CancellationToken) is { } line) { sum += line.Length; }
            }
            catch (RewardReplyException error) { Assert.Contains("is longer than 60 bytes", error.Message, StringComparison.Ordinal); }
            Assert.InRange(sum, 0, bytes.Length);
        }

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}");
    }

    [Fact]
    public async Task Lines_are_whole_whatever_the_pieces_in_which_they_come()
    {
        string[] expected = ["", "a", new('b', 5000), "c", new('d', 9000)];
        byte[] bytes = Encoding.UTF8.GetBytes(string.Join("\r\n", expected) + "\nrest without a break");
        foreach (int piece in (int[])[1, 2, 3, 1000, 100_000])
        {
            var reader = new Programs.BoundedLines(new Trickle(bytes, piece), maxBytes: 10_000);
            var read = new List<string>();
            while (await reader.NextAsync(TestContext.Current.CancellationToken) is { } line) { read.Add(Encoding.UTF8.GetString(line)); }
            Assert.Equal(expected, read);
            Assert.Equal(expected.Length, reader.Count);
        }
    }

    [Fact]
    public async Task Mutated_bodies_through_a_real_connection()
    {
        const int Count = 60;
        using var service = new FakeService((request, stream) =>
        {
            byte[] body = Mutate(bodies[request.Number % bodies.Length], request.Number);
            return stream.WriteAsync((byte[])[.. Encoding.ASCII.GetBytes($"HTTP/1.1 200 OK\r\nContent-Length: {body.Length}\r\n\r\n"), .. body]).AsTask();
        });
        using var model = RewardModels.Open(new HttpRewardSpec { Url = service.Url }, retries: 0);
        for (int i = 0; i < Count; i++) { Assert.All(await model.ScoreAsync("a", "b", "c", "d", "e"), Check); }
        Assert.True(service.Requests >= Count);
    }

    [Fact]
    public async Task Mutated_lines_through_a_real_program()
    {
        using var grader = new PythonGrader("""
            lines = [bytes.fromhex(text.strip()) for text in open("lines.txt")]
            for item in requests():
                line = lines[int(item["response"])].replace(b"3", str(item["id"]).encode())
                sys.stdout.buffer.write(line + b"\n")
                sys.stdout.flush()
            """);
        const int Count = 40;
        File.WriteAllLines(grader.PathOf("lines.txt"), Enumerable.Range(0, Count).Select(i => Convert.ToHexString(Mutate(lines[i % lines.Length], i, edits: i % 4))));
        using var model = RewardModels.Open(grader.Spec with { MaxRestarts = 1000, StartTimeout = "2s" }, retries: 0, timeout: 2);
        var replies = await model.ScoreAsync([.. Enumerable.Range(0, Count).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]);
        Assert.All(replies, Check);
        Assert.InRange(replies.Count(reply => reply.Failure is null), 5, Count - 5);
    }

    private static void Check(RewardReply reply)
    {
        if (reply.Failure is { } failure) { Assert.InRange(failure.Length, 5, 410); return; }
        Assert.NotEmpty(reply.Outputs);
        Assert.All(reply.Outputs, output => Assert.True(double.IsFinite(ScoreAttempt.Of(output.Value).Score)));
    }

    private static byte[] Mutate(string text, int seed, int? edits = null)
    {
        int Draw(int bound, int position) => CounterRandom.Below(bound, 99, RandomPurpose.SamplesKept, seed, 0, 0, position);
        List<byte> bytes = [.. Encoding.UTF8.GetBytes(text)];
        int position = 0;
        for (int left = edits ?? Draw(6, position++); left > 0 && bytes.Count > 0; left--)
        {
            int at = Draw(bytes.Count, position++);
            switch (Draw(6, position++))
            {
                case 0: bytes.RemoveAt(at); break;
                case 1: bytes[at] = (byte)Draw(256, position++); break;
                case 2: bytes.InsertRange(at, Encoding.UTF8.GetBytes(pieces[Draw(pieces.Length, position++)])); break;
                case 3: bytes.RemoveRange(at, Math.Min(Draw(8, position++), bytes.Count - at)); break;
                case 4: bytes.InsertRange(at, bytes.Take(Draw(bytes.Count, position++)).ToArray()); break;
                default: bytes.RemoveRange(at, bytes.Count - at); break;
            }
        }

        return [.. bytes.Where(one => edits is null || one is not ((byte)'\n'))];
    }

    /// <summary>A stream that gives a few bytes at a time.</summary>
    private sealed class Trickle(byte[] bytes, int piece) : MemoryStream(bytes)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => base.ReadAsync(buffer[..Math.Min(piece, buffer.Length)], cancellationToken);
    }
}
