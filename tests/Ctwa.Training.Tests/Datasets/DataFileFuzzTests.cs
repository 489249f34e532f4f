using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Ctwa.Training.Datasets;
using Ctwa.Training.Randomness;
using Parquet;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>Damaged data files: whatever the bytes, the reader gives rows or one clear error, soon and in little memory.</summary>
public sealed partial class DataFileFuzzTests
{
    private const int Cases = 16_000;
    private const long MaxAllocatedBytes = 64 << 20;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    [Fact]
    public void Sixteen_thousand_damaged_parquet_files_give_rows_or_one_error_that_names_the_file()
    {
        byte[][] good = [.. new[] { CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd, CompressionMethod.Brotli }.Select((method, i) => ParquetVariants.Write(12, method, 5 + i)), ParquetVariants.Write(9, CompressionMethod.None)];
        int failed = 0, named = 0;
        Run(Cases, i =>
        {
            byte[] bytes = Damage(good[i % good.Length], i);
            if (Read(bytes, "prompt", i % 3 == 0 ? "extra_info.index" : "reward_model.ground_truth") is not { } message) { return; }
            failed++;
            Assert.StartsWith("bad.data:", message, StringComparison.Ordinal);
            if (message.Contains("row group", StringComparison.Ordinal) || message.Contains("byte", StringComparison.Ordinal)) { named++; }
        });
        // Much of the damage hits columns that are not read; enough must hit what is.
        Assert.InRange(failed, Cases / 3, Cases);
        Assert.InRange(named, failed / 2, failed);
    }

    [Fact]
    public void Twenty_thousand_damaged_lines_give_rows_or_one_error_that_names_file_line_and_column()
    {
        byte[][] lines = [.. Enumerable.Range(0, 5).Select(i => Encoding.UTF8.GetBytes($$"""{"prompt": [{"role": "user", "content": "日本 {{i}}\n"}], "reward": {"answer": "\\frac{1}{2} 𝑓", "n": [1, 2.5e3, null]}, "x": true}"""))];
        int failed = 0;
        Run(20_000, i =>
        {
            int which = i % lines.Length;
            byte[] damaged = Damage(lines[which], i);
            byte[] bytes = Join(lines[..which].Append(damaged).Concat(lines[(which + 1)..]));
            if (Read(bytes, "prompt", "reward.answer") is not { } message) { return; }
            failed++;
            var place = Place().Match(message);
            Assert.True(place.Success, message);
            int line = int.Parse(place.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture);
            Assert.InRange(line, which + 1, which + 1 + damaged.Count(b => b == '\n'));
        });
        Assert.InRange(failed, 10_000, 20_000);
    }

    [Fact]
    public void Random_bytes_between_the_marks_of_a_parquet_file_are_refused()
    {
        Run(2_000, i =>
        {
            byte[] bytes = [.. "PAR1"u8, .. Enumerable.Range(0, 40 + i % 200).Select(k => (byte)Draw(256, i, k)), 0, 0, 0, 0, .. "PAR1"u8];
            bytes[^8] = (byte)(20 + i % 20);
            Assert.StartsWith("bad.data:", Read(bytes, "prompt", "answer"), StringComparison.Ordinal);
        });
    }

    /// <summary>The error of reading all rows; null: they were read.</summary>
    private static string? Read(byte[] bytes, string prompt, string answer)
    {
        try
        {
            foreach (var row in DataFile.Rows(new MemoryStream(bytes), "bad.data", prompt, answer)) { Assert.NotEmpty(row.Prompt); }
            return null;
        }
        catch (DatasetException e)
        {
            Assert.InRange(e.Message.Length, 10, 2_000);
            return e.Message;
        }
    }

    // On a thread of its own, so that a hang is a failure with the number of its case instead of a test run without end.
    private static void Run(int cases, Action<int> one)
    {
        int current = 0;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                for (int i = 0; i < cases; i++)
                {
                    Volatile.Write(ref current, i);
                    long before = GC.GetAllocatedBytesForCurrentThread();
                    one(i);
                    long used = GC.GetAllocatedBytesForCurrentThread() - before;
                    Assert.True(used < MaxAllocatedBytes, $"case {i} allocated {used} bytes");
                }
            }
            catch (Exception e)
            {
                failure = new InvalidOperationException($"case {Volatile.Read(ref current)}", e);
            }
        }) { IsBackground = true };
        thread.Start();
        var watch = Stopwatch.StartNew();
        int last = -1;
        while (!thread.Join(200))
        {
            int at = Volatile.Read(ref current);
            if (at != last) { (last, watch) = (at, Stopwatch.StartNew()); }
            Assert.True(watch.Elapsed < s_limit, $"case {at} takes longer than {s_limit}");
        }

        if (failure is not null) { throw failure; }
    }

    private static byte[] Damage(byte[] good, int i)
    {
        var bytes = good.ToList();
        int changes = 1 + Draw(3, i, -1);
        for (int change = 0; change < changes && bytes.Count > 0; change++)
        {
            // Half of the damage falls on the last third: a parquet file's footer.
            int at = Draw(2, i, change, 1) == 0 ? Draw(bytes.Count, i, change, 2) : bytes.Count - 1 - Draw(1 + (bytes.Count / 3), i, change, 2);
            switch (Draw(9, i, change, 3))
            {
                case 0 or 1: bytes[at] ^= (byte)(1 << Draw(8, i, change, 4)); break;
                case 2: bytes[at] = 0xFF; break;
                case 3: bytes[at] = 0; break;
                case 4: bytes[at] = (byte)Draw(256, i, change, 4); break;
                case 5: bytes.Insert(at, (byte)Draw(256, i, change, 4)); break;
                case 6: bytes.RemoveAt(at); break;
                case 7 when Draw(4, i, change, 4) == 0: bytes.RemoveRange(at, bytes.Count - at); break;
                default:
                    int length = Math.Min(1 + Draw(16, i, change, 4), bytes.Count - at);
                    bytes.InsertRange(Draw(bytes.Count, i, change, 5), bytes.GetRange(at, length));
                    break;
            }
        }

        return [.. bytes];
    }

    private static byte[] Join(IEnumerable<byte[]> lines) => [.. lines.SelectMany(line => line.Append((byte)'\n'))];

    private static int Draw(int bound, int i, int change, int what = 0) => CounterRandom.Below(bound, 11, RandomPurpose.TaskGeneration, i, change + 1, what, 0);

    [GeneratedRegex(@"^bad\.data:(\d+):(\d+): ", RegexOptions.CultureInvariant)]
    private static partial Regex Place();
}
