namespace Ctwa.Client.Supervision;

/// <summary>The silo's output: appended to a file, its last lines kept for a crash report. Safe for several threads.</summary>
internal sealed class LogTail : IDisposable
{
    /// <summary>Lines kept for a crash report.</summary>
    public const int KeptLines = 30;

    private readonly Lock gate = new();
    private readonly Queue<string> lines = new();
    private StreamWriter? file;

    /// <exception cref="CommandFailure">The file cannot be written.</exception>
    public LogTail(string path)
    {
        try
        {
            file = new StreamWriter(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite)) { AutoFlush = true };
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"cannot write {path}: {e.Message} Make the run directory writable, or choose another with --output.");
        }
    }

    public void Add(string line)
    {
        lock (gate)
        {
            lines.Enqueue(line);
            if (lines.Count > KeptLines) { lines.Dequeue(); }
            try
            {
                file?.WriteLine(line);
            }
            catch (IOException)
            {
                // A full disk must not stop the reader: a silo whose pipe nobody empties would hang.
                file = null;
            }
        }
    }

    public string[] Last(int count)
    {
        lock (gate) { return [.. lines.TakeLast(count)]; }
    }

    public bool Contains(string text)
    {
        lock (gate) { return lines.Any(line => line.Contains(text, StringComparison.OrdinalIgnoreCase)); }
    }

    public void Dispose()
    {
        lock (gate)
        {
            try { file?.Dispose(); }
            catch (IOException) { /* Reported by the silo itself, which writes to the same disk. */ }
            file = null;
        }
    }
}
