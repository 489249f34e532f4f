using System.Collections.Immutable;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs.Logs;

/// <summary>Reads pages of the log in a run directory, which may grow meanwhile. Compiled into silo and client: either may see the file.</summary>
internal static class JobLogReader
{
    /// <summary>Name in the run directory: one JSON object a line.</summary>
    public const string FileName = "log.jsonl";

    /// <summary>A file of this size gets no more lines: a job that warns in every step must not fill the disk.</summary>
    public const long LargestFile = 16 << 20;

    /// <summary>Lines from a place on, in at most <see cref="GridLimits.AnswerBytes"/>.</summary>
    /// <param name="path">The file; a missing one has no lines.</param>
    /// <param name="from">See <see cref="IGridGrain.Log"/>.</param>
    public static JobLogPage Read(string path, long from)
    {
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            // long.MinValue has no positive.
            long start = from >= 0 ? Math.Min(from, stream.Length) : Math.Max(0, stream.Length - Math.Min(-Math.Max(from, -LargestFile), LargestFile));
            // One byte before tells whether a line begins here.
            long read = from < 0 && start > 0 ? start - 1 : start;
            stream.Position = read;
            byte[] buffer = new byte[GridLimits.AnswerBytes];
            int count = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
            var bytes = buffer.AsSpan(0, count);
            int first = read < start ? bytes.IndexOf((byte)'\n') + 1 : 0;
            if (read < start && first == 0) { return new JobLogPage([], read + count, read + count < stream.Length); }
            int end = bytes.LastIndexOf((byte)'\n') + 1;
            // A piece without a line end is a line that is still being written, or none of ours: that is passed over.
            if (end <= first) { return new JobLogPage([], count == buffer.Length ? read + count : read + first, count == buffer.Length); }
            return new JobLogPage(Lines(bytes[first..end]), read + end, read + count < stream.Length);
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            return new JobLogPage([], Math.Max(0, from), false);
        }
    }

    private static ImmutableArray<JobLogLine> Lines(ReadOnlySpan<byte> bytes)
    {
        var lines = ImmutableArray.CreateBuilder<JobLogLine>();
        foreach (var range in bytes.Split((byte)'\n'))
        {
            if (Parse(Encoding.UTF8.GetString(bytes[range])) is { } line) { lines.Add(line); }
        }

        return lines.ToImmutable();
    }

    /// <summary>A line of the file; null: it is none, or was cut short by a crash.</summary>
    internal static JobLogLine? Parse(string json)
    {
        if (json.Length == 0) { return null; }
        try
        {
            using var document = JsonDocument.Parse(json, new JsonDocumentOptions { MaxDepth = 4 });
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("time", out var time) && time.ValueKind == JsonValueKind.String && DateTimeOffset.TryParse(time.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at)
                && root.TryGetProperty("text", out var text) && text.ValueKind == JsonValueKind.String
                && root.TryGetProperty("level", out var level) && level.ValueKind == JsonValueKind.String && Enum.TryParse<JobLogLevel>(level.GetString(), ignoreCase: true, out var known)
                ? new JobLogLine(at, root.TryGetProperty("epoch", out var epoch) && epoch.ValueKind == JsonValueKind.Number && epoch.TryGetInt64(out long number) ? number : 0, known, text.GetString()!)
                : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
