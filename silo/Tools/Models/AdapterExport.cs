using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A LoRA adapter alone, in PEFT's layout; <see cref="Open"/> also opens the merged model.</summary>
internal sealed class AdapterExport : FolderExport
{
    private readonly AdapterFolder _adapter;
    private readonly SafetensorsReader _weights;
    private readonly IReadOnlyList<string> _companions;

    private AdapterExport(AdapterFolder adapter, IReadOnlyList<string> companions, SafetensorsDType? dtype)
    {
        (_adapter, _companions) = (adapter, companions);
        _weights = adapter.OpenWeights();
        Tensors = [.. adapter.Header.Entries.Select(entry => new TensorSource(entry.Name, dtype ?? entry.DType, entry.Shape, visit => _weights.ReadPieces(entry.Name, visit)))];
    }

    public override string Description => "LoRA adapter";

    public override IReadOnlyList<TensorSource> Tensors { get; }

    /// <summary>Checks an adapter against its base model.</summary>
    /// <param name="source">Where the adapter lies.</param>
    /// <param name="named">The base model's folder; null: the adapter says.</param>
    /// <param name="alone">The adapter only, not merged.</param>
    /// <param name="dtype">Element type to store; null: the adapter's own, or the base model's.</param>
    /// <exception cref="ToolFailure">The base model is not there.</exception>
    /// <exception cref="InvalidDataException">Adapter or base model are not sound, or do not belong together.</exception>
    public static FolderExport Open(ExportSource source, string? named, bool alone, SafetensorsDType? dtype)
    {
        string configFile = Path.Combine(source.Folder, AdapterConfig.FileName);
        if (!File.Exists(configFile)) { throw new ToolFailure(ToolExitCodes.BadInput, $"'{source.Folder}' has {AdapterFolder.WeightsName} but no {AdapterConfig.FileName}; an adapter in PEFT's layout has both."); }
        string? said = named ?? AdapterConfig.Read(configFile).BaseModel;
        if (said is null || !Directory.Exists(said))
        {
            throw new ToolFailure(ToolExitCodes.BadInput, said is null
                ? $"{configFile} names no base model; give its folder with --base."
                : $"the base model's folder '{said}', which {(named is null ? configFile + " names" : "--base names")}, does not exist here; give the folder with --base.");
        }

        string basis = Path.TrimEndingDirectorySeparator(Path.GetFullPath(said));
        var adapter = AdapterFolder.Read(source.Folder, ModelConfig.Read(Path.Combine(basis, "config.json")));
        string[] companions = [source.Folder, basis];
        return alone ? new AdapterExport(adapter, companions, dtype) : ModelExport.Open(basis, companions, dtype, adapter);
    }

    public override IReadOnlyList<string> Write(string folder, WriteProgress progress)
    {
        SafetensorsWriter.Write(Path.Combine(folder, AdapterFolder.WeightsName), Tensors, flushToDisk: true);
        File.Copy(Path.Combine(_adapter.Path, AdapterConfig.FileName), Path.Combine(folder, AdapterConfig.FileName));
        TokenizerFiles.Copy(_companions, folder);
        return [AdapterFolder.WeightsName];
    }

    public override void Dispose() => _weights.Dispose();
}
