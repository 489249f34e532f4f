using System.Buffers;
using System.Security.Cryptography;
using System.Text.Json;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Runs;

/// <summary>
/// Checkpoints of a run. Each is a Hugging Face folder plus <c>optimizer.safetensors</c> and <c>state.json</c>; written
/// to a temporary name, synced, listed with SHA-256 in <c>manifest.json</c>, then renamed, so that a folder with its
/// final name is complete. A damaged one is skipped, never read.
/// </summary>
public sealed class CheckpointStore(string folder, RunDirectory? run = null)
{
    private const int HashBuffer = 1 << 20;
    private const string TemporaryPrefix = ".writing-", DamagedPrefix = "damaged-", StateFile = "state.json", ManifestFile = "manifest.json";

    /// <summary>
    /// Writes a checkpoint.
    /// </summary>
    /// <param name="state">State that the weights belong to.</param>
    /// <param name="writeFiles">Writes model, tokenizer and optimizer files into the given folder.</param>
    /// <param name="keep">Number of checkpoints to keep, this one included.</param>
    /// <returns>Path of the complete checkpoint.</returns>
    /// <exception cref="RunDirectoryException">The disk is full or not writable; earlier checkpoints are untouched.</exception>
    public async Task<string> WriteAsync(TrainingRunState state, Func<string, Task> writeFiles, int keep)
    {
        string name = RunDirectory.StepName(state.Stage, state.Step);
        string target = Path.Combine(folder, name), temporary = Temporary(name);
        try
        {
            Directory.CreateDirectory(folder);
            DeleteFolder(temporary);
            Directory.CreateDirectory(temporary);
            await writeFiles(temporary);
            File.WriteAllBytes(Path.Combine(temporary, StateFile), JsonSerializer.SerializeToUtf8Bytes(state, StateJson.Options));
            // Written by others, perhaps on another machine, and not all of it synced: read once for the hash, it can be synced on the way.
            var manifest = new CheckpointManifest(1, Directory.GetFiles(temporary).Order(StringComparer.Ordinal).ToDictionary(file => Path.GetFileName(file), HashAndSync));
            string manifestPath = Path.Combine(temporary, ManifestFile);
            File.WriteAllBytes(manifestPath, JsonSerializer.SerializeToUtf8Bytes(manifest, StateJson.Options));
            HashAndSync(manifestPath);
            AtomicFile.SyncFolder(temporary);
            Fenced(() =>
            {
                DeleteFolder(target); // Only a redo of the same step meets one: same bits.
                Directory.Move(temporary, target);
            });
            AtomicFile.SyncFolder(folder);
        }
        catch (Exception failure)
        {
            // Half a checkpoint only takes room; what cannot be removed either is ignored on reading.
            try { DeleteFolder(temporary); } catch (Exception again) when (again is IOException or UnauthorizedAccessException) { }
            if (failure is not (IOException or UnauthorizedAccessException)) { throw; }
            string last = Complete() is [.., var newest] ? $"the run can be resumed from {newest}" : "there is no earlier checkpoint";
            throw new RunDirectoryException($"checkpoint '{target}' could not be written: {failure.Message.TrimEnd('.')}. Free disk space or permissions; {last}.", failure);
        }

        RunDirectoryException.Guard(folder, () => Prune(keep));
        return target;
    }

    /// <summary>Deletes the oldest. Large files take their time to go: they get a name that nothing reads, and go after the fence, so that no commit waits for it.</summary>
    private void Prune(int keep)
    {
        var gone = new List<string>();
        Fenced(() =>
        {
            foreach (string old in Complete().SkipLast(Math.Max(keep, 1)))
            {
                string aside = Temporary("old-" + Path.GetFileName(old));
                DeleteFolder(aside);
                Directory.Move(old, aside);
                gone.Add(aside);
            }
        });
        gone.ForEach(DeleteFolder);
    }

    /// <summary>A name that is no checkpoint's, and no other coordinator's.</summary>
    private string Temporary(string name) => Path.Combine(folder, FormattableString.Invariant($"{TemporaryPrefix}{run?.Epoch ?? 0}-{name}"));

    /// <summary>Paths of the folders with a final name, oldest first.</summary>
    public IReadOnlyList<string> Complete()
    {
        if (!Directory.Exists(folder)) { return []; }
        return [.. Directory.GetDirectories(folder)
            .Select(path => (Path: path, Order: RunDirectory.StepOf(Path.GetFileName(path))))
            .Where(entry => entry.Order is not null)
            .OrderBy(entry => entry.Order!.Value.Stage).ThenBy(entry => entry.Order!.Value.Step)
            .Select(entry => entry.Path)];
    }

    /// <summary>
    /// The newest checkpoint whose files all match its manifest, with its state; null if there is none.
    /// </summary>
    /// <param name="warn">Receives one line per damaged checkpoint that was skipped.</param>
    /// <exception cref="RunDirectoryException">It was written by a build that keeps another kind of state.</exception>
    public (string Path, TrainingRunState State)? NewestIntact(Action<string> warn)
    {
        var complete = Complete();
        foreach (string path in complete.Reverse())
        {
            if (Damage(path) is not { } damage) { return (path, ReadState(path)); }
            warn($"checkpoint '{path}' is damaged ({damage}) and is skipped.");
        }

        if (complete.Count > 0) { warn("no checkpoint is intact: the run begins again with its first step."); }
        return null;
    }

    /// <summary>
    /// Clears the way for writing after a resume: unfinished checkpoints are deleted; complete ones of the given steps
    /// get a name that nothing reads, so that they neither count as kept nor are lost.
    /// </summary>
    internal void SetAside(Func<TrainingStage, int, bool> which)
    {
        if (!Directory.Exists(folder)) { return; }
        foreach (string unfinished in Directory.GetDirectories(folder, TemporaryPrefix + "*"))
        {
            // A silo may still be writing for a coordinator that has been replaced: what cannot be removed only takes room, and the next resume tries again.
            try { DeleteFolder(unfinished); } catch (Exception failure) when (failure is IOException or UnauthorizedAccessException) { }
        }

        foreach (string path in Complete())
        {
            var (stage, step) = RunDirectory.StepOf(Path.GetFileName(path))!.Value;
            if (!which(stage, step)) { continue; }
            string aside = Path.Combine(folder, DamagedPrefix + Path.GetFileName(path));
            DeleteFolder(aside);
            Directory.Move(path, aside);
        }
    }

    /// <summary>What is wrong with a checkpoint; null if it is intact.</summary>
    public static string? Damage(string path)
    {
        try
        {
            string manifestPath = Path.Combine(path, ManifestFile);
            if (!File.Exists(manifestPath)) { return "no manifest.json"; }
            var manifest = JsonSerializer.Deserialize<CheckpointManifest>(File.ReadAllBytes(manifestPath), StateJson.Options);
            if (manifest?.Sha256?.ContainsKey(StateFile) != true) { return "manifest.json does not list state.json"; }
            foreach (var (name, expected) in manifest!.Sha256!)
            {
                string file = Path.Combine(path, name);
                if (!File.Exists(file)) { return $"{name} is missing"; }
                if (Hash(file) != expected) { return $"{name} does not match its SHA-256"; }
            }

            return null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            return failure.Message;
        }
    }

    /// <summary>SHA-256 of a file in lower-case hexadecimal.</summary>
    public static string Hash(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
        return Hash(stream);
    }

    private static string HashAndSync(string file)
    {
        using var stream = new FileStream(file, FileMode.Open, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        string hash = Hash(stream);
        stream.Flush(flushToDisk: true);
        return hash;
    }

    private static string Hash(FileStream stream)
    {
        // SHA256.HashData(stream) reads 4 KiB at a time.
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = ArrayPool<byte>.Shared.Rent(HashBuffer);
        try
        {
            for (int count; (count = stream.Read(buffer, 0, HashBuffer)) > 0;) { hash.AppendData(buffer, 0, count); }
            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void Fenced(Action write)
    {
        if (run is null) { write(); }
        else { run.Fenced(write); }
    }

    private static void DeleteFolder(string path)
    {
        if (Directory.Exists(path)) { Directory.Delete(path, recursive: true); }
    }

    private static TrainingRunState ReadState(string path)
    {
        // The version first: a state of another version need not have today's members.
        byte[] json = File.ReadAllBytes(Path.Combine(path, StateFile));
        using var document = JsonDocument.Parse(json);
        int version = document.RootElement.TryGetProperty("version", out var found) && found.TryGetInt32(out int number) ? number : 0;
        if (version != TrainingRunState.CurrentVersion) { throw new RunDirectoryException($"checkpoint '{path}' has state version {version}; this build reads version {TrainingRunState.CurrentVersion}. Resume with the build that wrote it."); }
        return JsonSerializer.Deserialize<TrainingRunState>(json, StateJson.Options)!;
    }

    /// <summary>Files of a checkpoint with their hashes.</summary>
    private sealed record CheckpointManifest(int Version, Dictionary<string, string>? Sha256);
}
