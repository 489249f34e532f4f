using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Runs;

/// <summary>
/// A run's folder: the resolved job, metrics, samples, recorded scores, checkpoints. One process at a time owns it, by a lock that
/// the operating system releases when the owner dies; on a grid, where a coordinator may have to be replaced while its frozen
/// process still holds files, the latest coordinator owns it, by a fence (<see cref="RunFence"/>).
/// </summary>
public sealed class RunDirectory : IDisposable
{
    /// <summary>EAGAIN, which flock answers on Linux when another descriptor holds the lock.</summary>
    internal const int LockedByAnother = 11;

    private const string HeldOutPrefix = "validation-";

    private readonly FileStream _lock;
    private readonly RunFence? _fence;

    private RunDirectory(string path, FileStream lockFile, RunFence? fence)
    {
        Path = path;
        _lock = lockFile;
        _fence = fence;
        Checkpoints = new CheckpointStore(System.IO.Path.Combine(path, "checkpoints"), this);
    }

    /// <summary>Of the coordinator that owns the run; 0 where one process owns it for its life.</summary>
    public long Epoch => _fence?.Epoch ?? 0;

    /// <summary>Durable writes that were refused in this process because a later coordinator owns the run.</summary>
    public static long RefusedWrites => RunFence.Refusals;

    /// <summary>Absolute path.</summary>
    public string Path { get; }

    /// <summary>Complete checkpoints.</summary>
    public CheckpointStore Checkpoints { get; }

    private string MetricsPath => System.IO.Path.Combine(Path, "metrics.jsonl");

    /// <summary>Takes possession of a run directory.</summary>
    /// <exception cref="RunDirectoryException">It is held by another process, holds a run (new runs) or none (resumes), or is not writable.</exception>
    public static RunDirectory Open(string path, bool resume)
    {
        path = System.IO.Path.GetFullPath(path);
        var lockFile = Take(path, resume, exclusive: true);
        try
        {
            WriteHolder(path, "");
            return new RunDirectory(path, lockFile, null);
        }
        catch
        {
            lockFile.Dispose();
            throw;
        }
    }

    /// <summary>Takes possession of a run directory for a coordinator that others may replace: from now on earlier ones are refused.</summary>
    /// <param name="path">Run directory, on storage that all silos see.</param>
    /// <param name="resume">The run may have begun already.</param>
    /// <param name="nextEpoch">Gives the coordinator's number, at least the one it is told.</param>
    /// <param name="holder">Who the coordinator is, for people.</param>
    /// <exception cref="RunDirectoryException">See <see cref="Open"/>.</exception>
    /// <exception cref="RunFencedException">A later coordinator was faster.</exception>
    public static async Task<RunDirectory> ClaimAsync(string path, bool resume, Func<long, Task<long>> nextEpoch, string holder)
    {
        path = System.IO.Path.GetFullPath(path);
        var lockFile = Take(path, resume && File.Exists(System.IO.Path.Combine(path, "job.yaml")), exclusive: false);
        try
        {
            var fence = RunFence.Claim(path, await nextEpoch(RunFence.Highest(path) + 1));
            WriteHolder(path, FormattableString.Invariant($", {holder}, epoch {fence.Epoch}"));
            return new RunDirectory(path, lockFile, fence);
        }
        catch (Exception failure)
        {
            lockFile.Dispose();
            if (RunDirectoryException.IsStorage(failure)) { throw Unwritable(path, failure); }
            throw;
        }
    }

    private static FileStream Take(string path, bool resume, bool exclusive)
    {
        string Inside(string name) => System.IO.Path.Combine(path, name);
        if (resume && !File.Exists(Inside("job.yaml"))) { throw new RunDirectoryException($"'{path}' holds no run to resume (no job.yaml); give the run directory that an earlier run printed."); }
        try
        {
            Directory.CreateDirectory(path);
            var lockFile = Lock(path, Inside("run.lock"), Inside("run.lock.holder"), exclusive);
            try
            {
                if (!resume && (File.Exists(Inside("metrics.jsonl")) || Directory.Exists(Inside("checkpoints")) || Directory.Exists(Inside("scores"))))
                {
                    throw new RunDirectoryException($"run directory '{path}' already holds a run; continue it with --resume {path}, or choose another --output.");
                }

                return lockFile;
            }
            catch
            {
                lockFile.Dispose();
                throw;
            }
        }
        catch (Exception failure) when (RunDirectoryException.IsStorage(failure))
        {
            throw Unwritable(path, failure);
        }
    }

    private static RunDirectoryException Unwritable(string path, Exception failure) =>
        new($"run directory '{path}' cannot be written: {failure.Message.TrimEnd('.')}. Choose a writable --output with free space.", failure);

    private static void WriteHolder(string path, string more) => RunDirectoryException.Guard(path, () =>
        File.WriteAllText(System.IO.Path.Combine(path, "run.lock.holder"), FormattableString.Invariant($"process {Environment.ProcessId} on {Environment.MachineName}{more}\n")));

    /// <summary>Writes something of the run, unless a later coordinator owns it.</summary>
    /// <param name="path">What is written, for messages.</param>
    /// <param name="write">The write.</param>
    /// <exception cref="RunFencedException">A later coordinator owns the run; nothing was written.</exception>
    /// <exception cref="RunDirectoryException">It cannot be written.</exception>
    internal void Write(string path, Action write) => RunDirectoryException.Guard(path, () => Fenced(write));

    /// <summary>The same, with storage's own exceptions.</summary>
    internal void Fenced(Action write)
    {
        if (_fence is null) { write(); }
        else { _fence.Do(write); }
    }

    /// <summary>State of the last committed step; null if there is none, or none that this build reads.</summary>
    public TrainingRunState? CommittedState()
    {
        string path = System.IO.Path.Combine(Path, "state.json");
        try
        {
            return File.Exists(path) && JsonSerializer.Deserialize<TrainingRunState>(File.ReadAllBytes(path), StateJson.Options) is { Version: TrainingRunState.CurrentVersion } state ? state : null;
        }
        catch (Exception failure) when (failure is IOException or JsonException)
        {
            return null;
        }
    }

    /// <summary>Writes the resolved job.</summary>
    public void WriteJob(string yaml) => Replace("job.yaml", Encoding.UTF8.GetBytes(yaml), durable: true);

    /// <summary>Appends one flat object to metrics.jsonl.</summary>
    public void AppendMetrics(string json) => AppendLine("metrics.jsonl", json);

    /// <summary>Appends a line to a file of the run.</summary>
    internal void AppendLine(string name, string line)
    {
        string path = System.IO.Path.Combine(Path, name);
        Write(path, () =>
        {
            using var stream = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.ReadWrite);
            stream.Write(Encoding.UTF8.GetBytes(line + "\n"));
            stream.Flush();
        });
    }

    /// <summary>Writes the closing summary.</summary>
    public void WriteSummary(string json) => Replace("summary.json", Encoding.UTF8.GetBytes(json + "\n"), durable: false);

    /// <summary>
    /// The step's commit between checkpoints: an atomic replacement of state.json. It survives the process, not a
    /// power failure; what survives that is the last checkpoint, from which a resume starts anyway.
    /// </summary>
    public void CommitState(TrainingRunState state) => Replace("state.json", JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Options), durable: false);

    /// <summary>Writes some completions of a step to samples/.</summary>
    public void WriteSamples(TrainingStage stage, int step, IEnumerable<JsonObject> samples) => WriteSamples(StepName(stage, step), samples);

    /// <summary>Writes some completions of held-out prompts, measured after a step of reinforcement learning, to samples/.</summary>
    internal void WriteHeldOutSamples(int step, IEnumerable<JsonObject> samples) => WriteSamples(string.Create(CultureInfo.InvariantCulture, $"{HeldOutPrefix}{step:D6}"), samples);

    private void WriteSamples(string name, IEnumerable<JsonObject> samples)
    {
        var text = new StringBuilder();
        foreach (var sample in samples) { text.Append(sample.ToJsonString(StateJson.Lines)).Append('\n'); }
        Replace(System.IO.Path.Combine("samples", name + ".jsonl"), Encoding.UTF8.GetBytes(text.ToString()), durable: false);
    }

    /// <summary>
    /// Makes the run's files those of the given state: later metrics lines and samples are removed and later checkpoints
    /// (all damaged, or one of them would be resumed) set aside, so that a resumed run has one history (invariant I6).
    /// Recorded scores stay: a redo reads them (invariant I7).
    /// </summary>
    public void TruncateTo(TrainingStage stage, int step) => Write(Path, () =>
    {
        bool Later(TrainingStage otherStage, int otherStep) => otherStage > stage || (otherStage == stage && otherStep > step);
        Checkpoints.SetAside(Later);
        if (File.Exists(MetricsPath))
        {
            var kept = new StringBuilder();
            foreach (string line in File.ReadLines(MetricsPath))
            {
                if (TryStepOf(line) is { } at && !Later(at.Stage, at.Step)) { kept.Append(line).Append('\n'); }
            }

            AtomicFile.Write(MetricsPath, Encoding.UTF8.GetBytes(kept.ToString()), durable: true);
        }

        string folder = System.IO.Path.Combine(Path, "samples");
        foreach (string file in Directory.Exists(folder) ? Directory.GetFiles(folder, "*.jsonl") : [])
        {
            string name = System.IO.Path.GetFileNameWithoutExtension(file);
            if ((StepOf(name) ?? HeldOutStepOf(name)) is { } at && Later(at.Stage, at.Step)) { File.Delete(file); }
        }

        File.Delete(System.IO.Path.Combine(Path, "summary.json"));
        File.Delete(System.IO.Path.Combine(Path, "state.json"));
    });

    /// <summary>Puts the metrics so far on the disk itself: a checkpoint must not survive a power failure without them.</summary>
    public void FlushMetrics() => RunDirectoryException.Guard(MetricsPath, () =>
    {
        if (!File.Exists(MetricsPath)) { return; }
        // Steps may append lines meanwhile.
        using var stream = new FileStream(MetricsPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        stream.Flush(flushToDisk: true);
    });

    /// <summary>Name of a step in file names, such as <c>step-000020</c> or <c>supervised-000400</c>.</summary>
    public static string StepName(TrainingStage stage, int step) => string.Create(CultureInfo.InvariantCulture, $"{StepPrefix(stage)}{step:D6}");

    /// <summary>File-name prefix of a stage's steps.</summary>
    public static string StepPrefix(TrainingStage stage) => stage == TrainingStage.Rl ? "step-" : "supervised-";

    /// <summary>The step that a name of <see cref="StepName"/> stands for; null for other names.</summary>
    internal static (TrainingStage Stage, int Step)? StepOf(string name)
    {
        foreach (var stage in Enum.GetValues<TrainingStage>())
        {
            string prefix = StepPrefix(stage);
            if (name.StartsWith(prefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(prefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step)) { return (stage, step); }
        }

        return null;
    }

    /// <summary>The step of reinforcement learning after which samples of held-out prompts were drawn; null for other names.</summary>
    private static (TrainingStage Stage, int Step)? HeldOutStepOf(string name) =>
        name.StartsWith(HeldOutPrefix, StringComparison.Ordinal) && int.TryParse(name.AsSpan(HeldOutPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out int step) ? (TrainingStage.Rl, step) : null;

    /// <summary>Deletes recorded scores that no resume can ask for: those of steps before the oldest kept checkpoint.</summary>
    internal void PruneScores() => Write(Path, () =>
    {
        string folder = System.IO.Path.Combine(Path, "scores");
        if (!Directory.Exists(folder) || Checkpoints.Complete() is not [var oldest, ..]) { return; }
        if (StepOf(System.IO.Path.GetFileName(oldest)) is not (TrainingStage.Rl, var step)) { return; }
        foreach (string file in Directory.GetFiles(folder, "*.json"))
        {
            string number = System.IO.Path.GetFileNameWithoutExtension(file).Split('-')[^1];
            if (int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int at) && at < step) { File.Delete(file); }
        }
    });

    /// <summary>Path of the recorded scores of a measurement.</summary>
    internal string ScoresPath(string name) => System.IO.Path.Combine(Path, "scores", name + ".json");

    public void Dispose()
    {
        try
        {
            if (_fence is null) { File.Delete(System.IO.Path.Combine(Path, "run.lock.holder")); }
            else { _fence.Do(() => File.Delete(System.IO.Path.Combine(Path, "run.lock.holder"))); }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or RunFencedException)
        {
            // The name of a former holder is only read while the lock is held.
        }
        finally
        {
            _lock.Dispose();
        }
    }

    private static FileStream Lock(string path, string lockPath, string holderPath, bool exclusive)
    {
        try
        {
            if (exclusive) { return new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None); }
            // Coordinators of a grid share it among themselves, and with nobody else.
            if (!File.Exists(lockPath)) { using var made = new FileStream(lockPath, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite); }
            return new FileStream(lockPath, FileMode.Open, FileAccess.Read, FileShare.Read);
        }
        catch (IOException failure) when (failure.HResult == LockedByAnother)
        {
            string holder = File.Exists(holderPath) ? File.ReadAllText(holderPath).Trim() : "another process";
            throw new RunDirectoryException($"run directory '{path}' is in use by {holder}; wait for it to end, stop it, or choose another --output.");
        }
    }

    private void Replace(string name, byte[] content, bool durable)
    {
        string target = System.IO.Path.Combine(Path, name);
        Write(target, () =>
        {
            Directory.CreateDirectory(System.IO.Path.GetDirectoryName(target)!);
            AtomicFile.Write(target, content, durable);
        });
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
