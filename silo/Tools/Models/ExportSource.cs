using System.Text.Json;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Silo.Tools.Models;

/// <summary>The folder whose weights are exported, found from what the user named.</summary>
/// <param name="Folder">A checkpoint, or a model or adapter folder of any origin; absolute.</param>
/// <param name="Run">The run that it is a checkpoint of, if its job.yaml is there.</param>
/// <param name="IsVerified">Whether its files were compared with the SHA-256 of its manifest; folders without one cannot be.</param>
internal sealed record ExportSource(string Folder, string? Run, bool IsVerified)
{
    private const string Job = "job.yaml", Manifest = "manifest.json", Latest = "latest";

    /// <summary>Whether it holds an adapter rather than a whole model.</summary>
    public bool IsAdapter => AdapterFolder.IsOne(Folder);

    /// <summary>Finds and verifies.</summary>
    /// <param name="path">A run directory, a checkpoint, or a model folder.</param>
    /// <param name="checkpoint">Which checkpoint of a run: a step, a checkpoint's name, or latest; null: latest.</param>
    /// <param name="error">Gets a line per damaged checkpoint that is passed over.</param>
    /// <exception cref="ToolFailure">There is no such thing, or it is damaged.</exception>
    public static ExportSource Find(string path, string? checkpoint, TextWriter error)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!Directory.Exists(full)) { throw new ToolFailure(ToolExitCodes.BadInput, $"there is no folder '{path}'; give a run directory, one of its checkpoints, or a model folder."); }
        if (IsRun(full)) { return OfRun(full, path, checkpoint ?? Latest, error); }
        if (checkpoint is not null) { throw new ToolFailure(ToolExitCodes.BadInput, $"--checkpoint is '{checkpoint}', but '{path}' is no run directory (no {Job}); leave it out."); }
        if (File.Exists(Path.Combine(full, Manifest))) { return OfCheckpoint(full); }
        if (File.Exists(Path.Combine(full, "config.json")) || AdapterFolder.IsOne(full)) { return new ExportSource(full, null, false); }
        throw new ToolFailure(ToolExitCodes.BadInput, $"'{path}' is no run directory (no {Job}), no checkpoint (no {Manifest}) and no model folder (no config.json).");
    }

    /// <summary>Whether a folder is a run directory.</summary>
    public static bool IsRun(string path) => File.Exists(Path.Combine(path, Job));

    /// <summary>The model folder that the run began with; null if it was made from nothing, or the job cannot be read any more.</summary>
    public string? StartFolder() => Run is { } run && JobSpecReader.Read(Path.Combine(run, Job), []).Spec?.Model.Path is { } path && Directory.Exists(path) ? Path.GetFullPath(path) : null;

    private static ExportSource OfRun(string run, string shown, string checkpoint, TextWriter error)
    {
        string folder = Path.Combine(run, "checkpoints");
        var complete = new CheckpointStore(folder).Complete();
        if (complete.Count == 0) { throw new ToolFailure(ToolExitCodes.BadInput, $"run '{shown}' has no checkpoint yet; they are written every schedule.checkpoint_every steps, at the end, and when a run is stopped."); }
        if (checkpoint == Latest)
        {
            foreach (string newest in complete.Reverse())
            {
                if (CheckpointStore.Damage(newest) is not { } damage) { return OfCheckpoint(newest, verify: false); }
                error.WriteLine($"warning: checkpoint '{newest}' is damaged ({damage}) and is passed over.");
            }

            throw new ToolFailure(ToolExitCodes.BadInput, $"no checkpoint of run '{shown}' is intact.");
        }

        string named = complete.FirstOrDefault(path => Path.GetFileName(path) == checkpoint || (int.TryParse(checkpoint, out int step) && Path.GetFileName(path) == RunDirectory.StepName(TrainingStage.Rl, step)))
            ?? throw new ToolFailure(ToolExitCodes.BadInput, $"--checkpoint is '{checkpoint}', which run '{shown}' does not have; it has {string.Join(", ", complete.Select(Path.GetFileName))}. Give a step of the RL stage, a name, or {Latest}.");
        return OfCheckpoint(named);
    }

    private static ExportSource OfCheckpoint(string folder, bool verify = true)
    {
        if (verify && CheckpointStore.Damage(folder) is { } damage) { throw new ToolFailure(ToolExitCodes.BadInput, $"checkpoint '{folder}' is damaged ({damage}); choose another one."); }
        using (var manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, Manifest))))
        {
            // A file that was put there later is not the run's.
            var listed = manifest.RootElement.GetProperty("sha256").EnumerateObject().Select(file => file.Name).ToHashSet(StringComparer.Ordinal);
            if (Directory.GetFiles(folder).Select(file => Path.GetFileName(file)).FirstOrDefault(name => name != Manifest && !listed.Contains(name)) is { } stranger)
            {
                throw new ToolFailure(ToolExitCodes.BadInput, $"checkpoint '{folder}' holds {stranger}, which its {Manifest} does not list; remove it, or choose another checkpoint.");
            }
        }

        string? run = Path.GetDirectoryName(Path.GetDirectoryName(folder));
        return new ExportSource(folder, run is not null && IsRun(run) ? run : null, true);
    }
}
