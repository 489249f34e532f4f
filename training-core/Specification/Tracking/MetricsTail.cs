namespace Ctwa.Training.Tracking;

/// <summary>
/// Reads a file of lines that may still be growing: complete lines only, from where the last reading ended. What follows the last
/// line feed is a line that is being written, or one that a crash cut short; it is not read.
/// </summary>
/// <param name="path">The file; need not exist yet.</param>
public sealed class MetricsTail(string path)
{
    /// <summary>Longest line that is read, in bytes; a longer one is no metrics line, and ends the reading.</summary>
    public const int LongestLine = 8 * 1024 * 1024;

    /// <summary>Bytes of complete lines read so far.</summary>
    public long Offset { get; private set; }

    /// <summary>Bytes after the last line feed, seen by the last reading.</summary>
    public long TornBytes { get; private set; }

    /// <summary>The next complete lines, without their line feeds. A span is valid until the next line.</summary>
    /// <exception cref="InvalidDataException">A line is longer than <see cref="LongestLine"/>.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public IEnumerable<ReadOnlyMemory<byte>> ReadLines()
    {
        if (!File.Exists(path)) { yield break; }
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        stream.Position = Offset;
        byte[] buffer = new byte[64 * 1024];
        int held = 0;
        while (true)
        {
            if (held == buffer.Length)
            {
                if (held >= LongestLine) { throw new InvalidDataException($"'{path}' has a line of more than {LongestLine / (1024 * 1024)} MiB at byte {Offset}; it is no file of metrics."); }
                Array.Resize(ref buffer, buffer.Length * 2);
            }

            int read = stream.Read(buffer, held, buffer.Length - held);
            if (read == 0) { break; }
            held += read;
            int start = 0;
            while (buffer.AsSpan(start, held - start).IndexOf((byte)'\n') is >= 0 and var length)
            {
                Offset += length + 1;
                yield return buffer.AsMemory(start, length);
                start += length + 1;
            }

            buffer.AsSpan(start, held - start).CopyTo(buffer);
            held -= start;
        }

        TornBytes = held;
    }
}
