using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Runs;

/// <summary>
/// A run's folder: the resolved job, metrics, samples, recorded scores, checkpoints. One process at a time owns it,
/// by a lock that the operating system releases when the owner dies.
/// </summary>
public sealed class RunDirectory : IDisposable
{
    private readonly FileStream _lock;

    private RunDirectory(string path, FileStream lockFile)
    {
        Path = path;
        _lock = lockFile;
        Checkpoints = new CheckpointStore(System.IO.Path.Combine(path, "checkpoints"));
    }

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Complete checkpoints.</summary>
    public CheckpointStore Checkpoints { get; }

    private string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>Takes possession of a run directory.</summary>
    /// <exception cref="RunDirectoryException">It is held by another process, not empty (new runs), no run (resumes) or not writable.</exception>
    public static RunDirectory Open(string path, bool resume)
    {
        path = System.IO.Path.GetFullPath(path);
        string lockPath = System.IO.Path.Combine(path, "run.lock"), holderPath = System.IO.Path.Combine(path, "run.lock.holder");
        if (resume && !File.Exists(System.IO.Path.Combine(path, "job.yaml"))) { throw new RunDirectoryException($"'{path}' holds no run to resume (no job.yaml); give the run directory that an earlier run printed."); }
        try
        {
            Directory.CreateDirectory(path);
            FileStream lockFile;
            try
            {
                lockFile = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException) when (File.Exists(lockPath))
            {
                string holder = File.Exists(holderPath) ? File.ReadAllText(holderPath).Trim() : "unknown";
                throw new RunDirectoryException($"run directory '{path}' is in use by {holder}; wait for it to end, stop it, or choose another --output.");
            }

            if (!resume && (File.Exists(System.IO.Path.Combine(path, "metrics.jsonl")) || Directory.Exists(System.IO.Path.Combine(path, "checkpoints"))))
            {
                lockFile.Dispose();
                throw new RunDirectoryException($"run directory '{path}' already holds a run; continue it with --resume {path}, or choose another --output.");
            }

            try
            {
                File.WriteAllText(holderPath, $"process {Environment.ProcessId} on {Environment.MachineName}\n");
            }
            catch
            {
                lockFile.Dispose();
                throw;
            }

            return new RunDirectory(path, lockFile);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            throw new RunDirectoryException($"run directory '{path}' cannot be written: {failure.Message} Choose a writable --output with free space.", failure);
        }
    }

    /// <summary>Writes the resolved job.</summary>
    public void WriteJob(string yaml) => AtomicFile.Write(System.IO.Path.Combine(Path, "job.yaml"), Encoding.UTF8.GetBytes(yaml), durable: true);

    /// <summary>Appends one flat object to metrics.jsonl.</summary>
    public void AppendMetrics(string json)
    {
        using var stream = new FileStream(MetricsPath, FileMode.Append, FileAccess.Write, FileShare.Read);
        stream.Write(Encoding.UTF8.GetBytes(json + "\n"));
    }

    /// <summary>Writes the closing summary.</summary>
    public void WriteSummary(string json) => AtomicFile.Write(System.IO.Path.Combine(Path, "summary.json"), Encoding.UTF8.GetBytes(json + "\n"), durable: false);

    /// <summary>
    /// The step's commit between checkpoints: an atomic replacement of state.json. It survives the process, not a
    /// power failure; what survives that is the last checkpoint, from which a resume starts anyway.
    /// </summary>
    public void CommitState(TrainingRunState state) =>
        AtomicFile.Write(System.IO.Path.Combine(Path, "state.json"), JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Options), durable: false);

    /// <summary>Writes some completions of a step to samples/.</summary>
    public void WriteSamples(TrainingStage stage, int step, IEnumerable<JsonObject> samples)
    {
        string folder = System.IO.Path.Combine(Path, "samples");
        Directory.CreateDirectory(folder);
        var text = new StringBuilder();
        foreach (var sample in samples) { text.Append(sample.ToJsonString(StateJson.Lines)).Append('\n'); }
        AtomicFile.Write(System.IO.Path.Combine(folder, StepName(stage, step) + ".jsonl"), Encoding.UTF8.GetBytes(text.ToString()), durable: false);
    }

    /// <summary>
    /// Makes the run's files those of the given state: later metrics lines and samples are removed, so that a
    /// resumed run has one history (invariant I6). Recorded scores stay: a redo reads them (invariant I7).
    /// </summary>
    public void TruncateTo(TrainingStage stage, int step)
    {
        bool Later(TrainingStage otherStage, int otherStep) => otherStage > stage || (otherStage == stage && otherStep > step);
        if (File.Exists(MetricsPath))
        {
            var kept = new StringBuilder();
            foreach (string line in File.ReadLines(MetricsPath))
            {
                if (TryStepOf(line) is { } at && !Later(at.Stage, at.Step)) { kept.Append(line).Append('\n'); }
            }

            AtomicFile.Write(MetricsPath, Encoding.UTF8.GetBytes(kept.ToString()), durable: true);
        }

        foreach (var otherStage in Enum.GetValues<TrainingStage>())
        {
            string folder = System.IO.Path.Combine(Path, "samples"), prefix = StepPrefix(otherStage);
            if (!Directory.Exists(folder)) { continue; }
            foreach (string file in Directory.GetFiles(folder, prefix + "*.jsonl"))
            {
                string number = System.IO.Path.GetFileNameWithoutExtension(file)[prefix.Length..];
                if (int.TryParse(number, out int at) && Later(otherStage, at)) { File.Delete(file); }
            }
        }

        File.Delete(System.IO.Path.Combine(Path, "summary.json"));
    }

    /// <summary>Name of a step in file names, such as <c>step-000020</c> or <c>warm-start-000400</c>.</summary>
    public static string StepName(TrainingStage stage, int step) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{StepPrefix(stage)}{step:D6}");

    /// <summary>File-name prefix of a stage's steps.</summary>
    public static string StepPrefix(TrainingStage stage) => stage == TrainingStage.Rl ? "step-" : "supervised-";

    /// <summary>Deletes recorded scores that no resume can ask for: those of steps before the oldest kept checkpoint.</summary>
    internal void PruneScores()
    {
        string folder = System.IO.Path.Combine(Path, "scores");
        if (!Directory.Exists(folder) || Checkpoints.Complete() is not [var oldest, ..]) { return; }
        string prefix = StepPrefix(TrainingStage.Rl), name = System.IO.Path.GetFileName(oldest);
        if (!name.StartsWith(prefix, StringComparison.Ordinal) || !int.TryParse(name[prefix.Length..], out int step)) { return; }
        foreach (string file in Directory.GetFiles(folder, "*.json"))
        {
            string number = System.IO.Path.GetFileNameWithoutExtension(file).Split('-')[^1];
            if (int.TryParse(number, out int at) && at < step) { File.Delete(file); }
        }
    }

    /// <summary>Path of the recorded scores of a measurement.</summary>
    internal string ScoresPath(string name) => System.IO.Path.Combine(Path, "scores", name + ".json");

    public void Dispose()
    {
        File.Delete(System.IO.Path.Combine(Path, "run.lock.holder"));
        _lock.Dispose();
    }

    /// <summary>Stage and step of a metrics line; null for a line that a crash cut short.</summary>
    private static (TrainingStage Stage, int Step)? TryStepOf(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return (root.GetProperty("stage").GetString() == "rl" ? TrainingStage.Rl : TrainingStage.Supervised, root.GetProperty("step").GetInt32());
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            return null;
        }
    }
}

/// <summary>A run directory cannot be used; the message says why and what to do.</summary>
public sealed class RunDirectoryException : IOException
{
    public RunDirectoryException() { }
    public RunDirectoryException(string message) : base(message) { }
    public RunDirectoryException(string message, Exception inner) : base(message, inner) { }
}

/// <summary>JSON settings of the run's own files.</summary>
internal static class StateJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals,
        UnmappedMemberHandling = System.Text.Json.Serialization.JsonUnmappedMemberHandling.Disallow,
    };

    public static JsonSerializerOptions Lines { get; } = new(Options) { WriteIndented = false, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
}
