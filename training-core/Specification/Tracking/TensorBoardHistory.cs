using System.Globalization;
using System.Text.Json;

namespace Ctwa.Training.Tracking;

/// <summary>
/// A run's metrics as TensorBoard event files, one folder per stage (<c>supervised</c>, <c>rl</c>: both count their steps from 1). A new
/// history is written beside the old one under names that no reader looks for, and takes its place at once by <see cref="Publish"/>; so
/// a run that was resumed has one history, whatever became of the steps that were done again. Not safe for several threads.
/// </summary>
public sealed class TensorBoardHistory : IDisposable
{
    /// <summary>Ends the names of the files that are ours: only these are ever deleted.</summary>
    private const string Suffix = ".ctwa";

    private static int s_count;

    private readonly string _folder;
    private readonly double _start;
    private readonly Dictionary<string, StageFile> _stages = new(StringComparer.Ordinal);
    private double _seconds;
    private bool _published;

    /// <param name="folder">Gets a folder per stage.</param>
    /// <param name="start">When the first step began.</param>
    public TensorBoardHistory(string folder, DateTimeOffset start)
    {
        _folder = folder;
        _start = start.ToUnixTimeMilliseconds() / 1000.0;
    }

    /// <summary>Reads a whole metrics file into a new history, which is not published yet.</summary>
    /// <param name="folder">See the constructor.</param>
    /// <param name="metrics">The metrics file, read up to its last complete line.</param>
    /// <param name="tail">Where the reading ended.</param>
    /// <exception cref="IOException">A file cannot be read or written.</exception>
    /// <exception cref="InvalidDataException">The metrics file is none.</exception>
    public static TensorBoardHistory Of(string folder, string metrics, out MetricsTail tail)
    {
        double seconds = 0;
        foreach (var line in new MetricsTail(metrics).ReadLines()) { seconds += SecondsOf(line.Span); }
        var end = File.Exists(metrics) ? new DateTimeOffset(File.GetLastWriteTimeUtc(metrics), TimeSpan.Zero) : TimeProvider.System.GetUtcNow();
        var history = new TensorBoardHistory(folder, end - TimeSpan.FromSeconds(Math.Min(seconds, 1e9)));
        try
        {
            tail = new MetricsTail(metrics);
            foreach (var line in tail.ReadLines()) { history.Add(line.Span); }
            return history;
        }
        catch
        {
            history.Dispose();
            throw;
        }
    }

    /// <summary>Adds one line of metrics.jsonl; one that is none is passed over. Its time is the sum of the step times so far after the start.</summary>
    public void Add(ReadOnlySpan<byte> line)
    {
        if (Parse(line) is not { } step) { return; }
        _seconds += step.Seconds;
        FileOf(step.Stage).Write(EventMessage.Scalars(_start + _seconds, step.Number, step.Scalars));
    }

    /// <summary>Brings what was added to where readers see it.</summary>
    public void Flush()
    {
        foreach (var stage in _stages.Values) { stage.Flush(); }
    }

    /// <summary>Puts this history into the place of an earlier one. What is added afterwards is seen after <see cref="Flush"/>.</summary>
    public void Publish()
    {
        if (_published) { return; }
        Flush();
        foreach (string stage in Stages)
        {
            string folder = Path.Combine(_folder, stage);
            foreach (string old in Directory.Exists(folder) ? Directory.GetFiles(folder, "events.out.tfevents.*" + Suffix) : []) { File.Delete(old); }
            if (_stages.TryGetValue(stage, out var file)) { file.Publish(); }
            // Left by a process that died before it published.
            foreach (string dead in Directory.Exists(folder) ? Directory.GetFiles(folder, ".events.out.unpublished.*" + Suffix) : []) { File.Delete(dead); }
        }

        _published = true;
    }

    public void Dispose()
    {
        foreach (var stage in _stages.Values) { stage.Dispose(); }
    }

    private static readonly string[] Stages = ["supervised", "rl"];

    private StageFile FileOf(string stage)
    {
        if (_stages.TryGetValue(stage, out var known)) { return known; }
        string folder = Path.Combine(_folder, stage);
        Directory.CreateDirectory(folder);
        // Readers take the files of a folder in the order of their names.
        string name = string.Create(CultureInfo.InvariantCulture, $"events.out.tfevents.{TimeProvider.System.GetUtcNow().ToUnixTimeSeconds():D10}.{Host()}.{Environment.ProcessId}.{Interlocked.Increment(ref s_count):D4}{Suffix}");
        var file = new StageFile(Path.Combine(folder, name), _start + _seconds);
        if (_published) { file.Publish(); }
        return _stages[stage] = file;
    }

    private static string Host() => new([.. Environment.MachineName.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-').Take(60)]);

    private static double SecondsOf(ReadOnlySpan<byte> line) => Parse(line)?.Seconds ?? 0;

    private static (string Stage, long Number, double Seconds, List<(string, double)> Scalars)? Parse(ReadOnlySpan<byte> line)
    {
        var scalars = new List<(string, double)>();
        string? stage = null;
        long? step = null;
        double seconds = 0;
        try
        {
            var reader = new Utf8JsonReader(line);
            if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject) { return null; }
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                if (name == "stage" && reader.TokenType == JsonTokenType.String) { stage = reader.GetString(); }
                else if (name == "step" && reader.TokenType == JsonTokenType.Number && reader.TryGetInt64(out long number)) { step = number; }
                else if (name != "steps_total" && reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double value) && float.IsFinite((float)value))
                {
                    scalars.Add((name, value));
                    if (name == "time/step_s") { seconds = Math.Clamp(value, 0, 1e9); }
                }

                reader.Skip();
            }
        }
        catch (JsonException)
        {
            return null;
        }

        return stage is not null && Stages.Contains(stage) && step is >= 0 ? (stage, step.Value, seconds, scalars) : null;
    }

    /// <summary>The events of one stage: hidden until published.</summary>
    private sealed class StageFile : IDisposable
    {
        private readonly string _path;
        private readonly string _hidden;
        private readonly FileStream _stream;
        private bool _published;

        public StageFile(string path, double wallTime)
        {
            _path = path;
            _hidden = Path.Combine(Path.GetDirectoryName(path)!, "." + Path.GetFileName(path).Replace("tfevents", "unpublished", StringComparison.Ordinal));
            _stream = new FileStream(_hidden, FileMode.Create, FileAccess.Write, FileShare.Read | FileShare.Delete, bufferSize: 64 * 1024);
            Write(EventMessage.Version(wallTime));
            Write(EventMessage.SessionStart(wallTime, 0));
        }

        public void Write(ReadOnlySpan<byte> message) => TensorRecord.Write(_stream, message);

        public void Flush() => _stream.Flush();

        public void Publish()
        {
            Flush();
            File.Move(_hidden, _path);
            _published = true;
        }

        public void Dispose()
        {
            try { _stream.Dispose(); }
            catch (IOException) when (!_published) { }
            finally
            {
                if (!_published) { File.Delete(_hidden); }
            }
        }
    }
}
