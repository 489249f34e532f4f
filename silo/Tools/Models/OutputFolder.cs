using System.Globalization;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;

namespace Ctwa.Silo.Tools.Models;

/// <summary>
/// A model folder in the making. Files are written into a folder beside the target and moved there when all are complete, so that the
/// target is never half a model. Without force a target that holds anything is refused; with it, files of a model are replaced and
/// others stay.
/// </summary>
internal sealed class OutputFolder : IDisposable
{
    private readonly string _target;

    private OutputFolder(string target, string staging) => (_target, Staging) = (target, staging);

    /// <summary>Where to write.</summary>
    public string Staging { get; }

    /// <summary>Checks the target and makes the folder to write into.</summary>
    /// <param name="path">The target.</param>
    /// <param name="force">Replace a model that is there.</param>
    /// <param name="sizeBytes">What will be written; refused at once if the disk has no room for it.</param>
    /// <exception cref="ToolFailure">The target cannot be used.</exception>
    public static OutputFolder Open(string path, bool force, long sizeBytes)
    {
        string target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (File.Exists(target)) { throw new ToolFailure(ToolExitCodes.BadInput, $"--out is '{path}', a file; give a folder."); }
        if (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any())
        {
            if (!force) { throw new ToolFailure(ToolExitCodes.BadInput, $"--out is '{path}', which is not empty; choose another folder, or --force to replace the model in it."); }
            if (((string[])["job.yaml", "manifest.json"]).FirstOrDefault(name => File.Exists(Path.Combine(target, name))) is { } mark)
            {
                throw new ToolFailure(ToolExitCodes.BadInput, $"--out is '{path}', a run or a checkpoint of one (it has {mark}); those are never replaced: choose another folder.");
            }
        }

        string parent = Path.GetDirectoryName(target) ?? throw new ToolFailure(ToolExitCodes.BadInput, $"--out is '{path}'; give a folder below the root.");
        Directory.CreateDirectory(parent);
        long free = new DriveInfo(parent).AvailableFreeSpace;
        if (sizeBytes > free) { throw new ToolFailure(ToolExitCodes.StorageFailed, string.Create(CultureInfo.InvariantCulture, $"'{path}' needs {sizeBytes:N0} bytes, but its disk has {free:N0} free. Make room, choose another folder, or a smaller --dtype.")); }
        string staging = Path.Combine(parent, $".writing-{Path.GetFileName(target)}-{Environment.ProcessId}");
        if (Directory.Exists(staging)) { Directory.Delete(staging, recursive: true); }
        Directory.CreateDirectory(staging);
        return new OutputFolder(target, staging);
    }

    /// <summary>Puts the files in place.</summary>
    public void Commit()
    {
        if (!Directory.Exists(_target)) { Directory.Move(Staging, _target); return; }
        // Weights under other names would be read in place of, or beside, the new ones.
        foreach (string file in Directory.GetFiles(_target).Where(file => IsModel(Path.GetFileName(file)))) { File.Delete(file); }
        foreach (string file in Directory.GetFiles(Staging)) { File.Move(file, Path.Combine(_target, Path.GetFileName(file)), overwrite: true); }
    }

    public void Dispose()
    {
        try
        {
            if (Directory.Exists(Staging)) { Directory.Delete(Staging, recursive: true); }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // What cannot be removed only takes room, and its name says what it is.
        }
    }

    private static bool IsModel(string name) =>
        SafetensorsShards.IsWeights(name) || name is "config.json" or "generation_config.json" or AdapterConfig.FileName or AdapterFolder.WeightsName || TokenizerFiles.Names.Contains(name);
}
