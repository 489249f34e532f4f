using Ctwa.Training.Models.Lora;
using Ctwa.Training.Runs;

namespace Ctwa.Training.Models;

/// <summary>Where a model lies that somebody named by a path.</summary>
/// <param name="Given">The path as it was given.</param>
/// <param name="Folder">Folder of the weights or of the adapter, absolute.</param>
/// <param name="Run">Directory of the run that wrote them, absolute; null for other models.</param>
public sealed record ModelLocation(string Given, string Folder, string? Run)
{
    /// <summary>Folder of the model that the adapter in <see cref="Folder"/> belongs to, absolute; null: <see cref="Folder"/> holds a whole model.</summary>
    public string? Base { get; private init; }

    /// <summary>Folder of config.json and the whole weights.</summary>
    public string ModelFolder => Base ?? Folder;

    private const string ConfigFile = "config.json", JobFile = "job.yaml", CheckpointsFolder = "checkpoints";

    /// <summary>
    /// Takes a model folder in Hugging Face's layout, an adapter folder in PEFT's, a checkpoint of a run (which is one of them), or
    /// a run directory, which stands for its newest checkpoint whose files match their hashes.
    /// </summary>
    /// <param name="path">The folder.</param>
    /// <param name="warn">Receives one line per damaged checkpoint that was skipped.</param>
    /// <exception cref="InvalidDataException">It is none of these; the message says what it is and what to give.</exception>
    public static ModelLocation Of(string path, Action<string> warn)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(full)) { throw new InvalidDataException($"'{path}' is a file; give the folder of a model (with config.json and model.safetensors) or of a run."); }
        if (!Directory.Exists(full)) { throw new InvalidDataException($"there is no folder '{path}' (looked at {full}); give the folder of a model or of a run."); }
        if (File.Exists(Path.Combine(full, ConfigFile))) { return new ModelLocation(path, full, RunOf(full, path)); }
        if (AdapterFolder.IsOne(full)) { return WithBase(new ModelLocation(path, full, RunOf(full, path))); }
        if (!File.Exists(Path.Combine(full, JobFile)))
        {
            throw new InvalidDataException($"'{path}' is neither a model (it has no {ConfigFile}) nor a run (it has no {JobFile}); give the folder of a model in Hugging Face's layout, a run directory, or one of its checkpoints.");
        }

        return Newest(path, full, warn);
    }

    private static ModelLocation Newest(string path, string run, Action<string> warn)
    {
        var checkpoints = new CheckpointStore(Path.Combine(run, CheckpointsFolder)).Complete();
        foreach (string checkpoint in checkpoints.Reverse())
        {
            if (CheckpointStore.Damage(checkpoint) is not { } damage) { return WithBase(new ModelLocation(path, checkpoint, run)); }
            warn($"checkpoint '{checkpoint}' is damaged ({damage}) and is skipped.");
        }

        throw new InvalidDataException(checkpoints.Count == 0
            ? $"the run '{path}' has no complete checkpoint yet; wait for its first one, or continue it with ctwa train --resume {path}."
            : $"none of the {checkpoints.Count} checkpoints of the run '{path}' is intact; continue it with ctwa train --resume {path}, which writes new ones.");
    }

    /// <summary>The same, with the base model that an adapter names.</summary>
    private static ModelLocation WithBase(ModelLocation location)
    {
        if (!AdapterFolder.IsOne(location.Folder)) { return location; }
        string file = Path.Combine(location.Folder, AdapterConfig.FileName);
        if (!File.Exists(file)) { throw new InvalidDataException($"'{location.Given}' has {AdapterFolder.WeightsName} but no {AdapterConfig.FileName}; an adapter in PEFT's layout has both."); }
        string? named = AdapterConfig.Read(file).BaseModel;
        if (string.IsNullOrEmpty(named)) { throw new InvalidDataException($"{file} names no base model; put the base model's folder into base_model_name_or_path."); }
        if (!File.Exists(Path.Combine(named, ConfigFile))) { throw new InvalidDataException($"{file} names the base model '{named}', which is no folder of a model here; put the folder into base_model_name_or_path."); }
        return location with { Base = Path.GetFullPath(named) };
    }

    /// <summary>The run that a folder is a checkpoint of; null if it is none.</summary>
    private static string? RunOf(string folder, string path)
    {
        string? parent = Path.GetDirectoryName(folder);
        if (Path.GetFileName(parent) != CheckpointsFolder || Path.GetDirectoryName(parent) is not { } run || !File.Exists(Path.Combine(run, JobFile))) { return null; }
        if (RunDirectory.StepOf(Path.GetFileName(folder)) is null) { return null; }
        if (CheckpointStore.Damage(folder) is { } damage) { throw new InvalidDataException($"the checkpoint '{path}' is damaged ({damage}); choose another of the run '{run}'."); }
        return run;
    }
}
