using System.Text;
using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs;

/// <summary>Reads pages of a run's metrics.jsonl for watchers that missed steps. The file may grow, or be cut back, meanwhile.</summary>
internal static class JobHistoryReader
{
    // A line of a job with a hundred objectives has a few KB; longer ones no watcher could be sent.
    private const int LongestLine = GridLimits.AnswerBytes;

    /// <summary>Lines after a step, in at most <see cref="GridLimits.AnswerBytes"/>.</summary>
    /// <param name="path">The metrics file; a missing one has no lines.</param>
    public static JobHistory Read(string path, JobPosition? after, CancellationToken cancellationToken)
    {
        var lines = new List<string>();
        int bytes = 0;
        try
        {
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 64 * 1024);
            foreach (string line in Lines(stream, cancellationToken))
            {
                if (PositionOf(line) is not { } position || !position.IsAfter(after)) { continue; }
                bytes += Encoding.UTF8.GetByteCount(line) + 8;
                if (bytes > GridLimits.AnswerBytes && lines.Count > 0) { return new JobHistory([.. lines], More: true); }
                lines.Add(line);
            }
        }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException)
        {
            // Storage that this silo does not see, or not now: the watcher has the events.
        }

        return new JobHistory([.. lines], More: false);
    }

    /// <summary>A file that fits into an answer; null: there is none, or it is longer.</summary>
    public static string? ReadSummary(string path)
    {
        try { return new FileInfo(path) is { Exists: true, Length: <= GridLimits.AnswerBytes } ? File.ReadAllText(path) : null; }
        catch (Exception missing) when (missing is IOException or UnauthorizedAccessException) { return null; }
    }

    /// <summary>The step that a line is about; null: it is none, or was cut short by a crash.</summary>
    public static JobPosition? PositionOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 16 });
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("stage", out var stage) && stage.ValueKind == JsonValueKind.String
                && root.TryGetProperty("step", out var step) && step.ValueKind == JsonValueKind.Number && step.TryGetInt32(out int number)
                ? new JobPosition(stage.ValueEquals("supervised"), number)
                : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Complete lines, bounded in length: a file without line ends is not read into memory.</summary>
    private static IEnumerable<string> Lines(Stream stream, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[64 * 1024];
        using var line = new MemoryStream();
        bool tooLong = false;
        for (int count; (count = stream.Read(buffer)) > 0;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            for (int start = 0; start < count;)
            {
                int end = Array.IndexOf(buffer, (byte)'\n', start, count - start);
                int length = (end < 0 ? count : end) - start;
                tooLong |= line.Length + length > LongestLine;
                if (!tooLong) { line.Write(buffer, start, length); }
                start += length + 1;
                if (end < 0) { break; }
                if (!tooLong) { yield return Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length); }
                line.SetLength(0);
                tooLong = false;
            }
        }
    }
}
