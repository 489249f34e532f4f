using System.Text.Json;
using System.Text.Json.Nodes;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>A whole model: the weights of a folder, with an adapter added where there is one.</summary>
internal sealed class ModelExport : FolderExport
{
    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true, NewLine = "\n" };
    private readonly SafetensorsReader _weights;
    private readonly SafetensorsReader? _adapterWeights;
    private readonly string _folder;
    private readonly IReadOnlyList<string> _companions;
    private readonly ModelConfig _config;
    private readonly Dictionary<string, AdapterModule> _adapted;
    private readonly AdapterFolder? _adapter;

    private ModelExport(string folder, IReadOnlyList<string> companions, SafetensorsDType? dtype, AdapterFolder? adapter, ModelConfig config)
    {
        (_folder, _companions, _config, _adapter) = (folder, companions, config, adapter);
        _adapted = adapter?.Modules.ToDictionary(module => module.WeightName, StringComparer.Ordinal) ?? [];
        _weights = SafetensorsReader.Open(folder);
        _adapterWeights = adapter?.OpenWeights();
        Tensors = [.. config.Parameters().Select(parameter => SourceOf(parameter, dtype ?? _weights.Entry(parameter.Name).DType))];
    }

    public override string Description => _adapter is null ? "model" : "base model with the merged adapter";

    /// <summary>The parameters of config.json and no other: of a tied model the output matrix is not written a second time.</summary>
    public override IReadOnlyList<TensorSource> Tensors { get; }

    /// <summary>Checks a folder's configuration and headers.</summary>
    /// <param name="folder">Model folder or checkpoint.</param>
    /// <param name="companions">Folders to take tokenizer and generation settings from, best first.</param>
    /// <param name="dtype">Element type to store; null: as stored.</param>
    /// <param name="adapter">Adapter to merge.</param>
    /// <exception cref="InvalidDataException">The folder is no sound model; every finding is a line.</exception>
    public static ModelExport Open(string folder, IReadOnlyList<string> companions, SafetensorsDType? dtype, AdapterFolder? adapter)
    {
        var config = ModelConfig.Read(Path.Combine(folder, "config.json"));
        ModelFolder.Read(folder, config);
        return new ModelExport(folder, companions, dtype, adapter, config);
    }

    public override IReadOnlyList<string> Write(string folder, WriteProgress progress)
    {
        var files = SafetensorsShards.Write(folder, Tensors, progress: progress.Begin);
        TokenizerFiles.Copy(_companions, folder);
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")))!.AsObject();
        // The type of most numbers: a folder of mixed types keeps them where none was asked for.
        string type = StoredTypes.Name(Tensors.GroupBy(tensor => tensor.Type).MaxBy(group => group.Sum(tensor => tensor.Count))!.Key);
        if (json.ContainsKey("torch_dtype") || !json.ContainsKey("dtype")) { json["torch_dtype"] = type; }
        if (json.ContainsKey("dtype")) { json["dtype"] = type; }
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString(s_indented) + "\n");
        GenerationConfig.Write(_companions, _config, folder);
        return files;
    }

    public override void Dispose()
    {
        _weights.Dispose();
        _adapterWeights?.Dispose();
    }

    private TensorSource SourceOf(ModelParameter parameter, SafetensorsDType type) => _adapted.TryGetValue(parameter.Name, out var module)
        ? TensorSource.Made(parameter.Name, type, parameter.Shape, () => Merged(module))
        : new TensorSource(parameter.Name, type, parameter.Shape, visit => _weights.ReadPieces(parameter.Name, visit));

    private TorchSharp.torch.Tensor Merged(AdapterModule module)
    {
        TorchNative.EnsureLoaded();
        using var weight = _weights.Read(module.WeightName);
        using var a = _adapterWeights!.Read(module.NameOfA);
        using var b = _adapterWeights.Read(module.NameOfB);
        return AdapterMerge.Merge(weight, a, b, _adapter!.Config.Scale);
    }
}
