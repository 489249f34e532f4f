using System.Collections.Immutable;
using Ctwa.Training.Checkpoints;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Models.Lora;

/// <summary>
/// A PEFT folder of a LoRA adapter: <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>, checked against the model that it
/// adapts. Reading it reads headers only; <see cref="OpenWeights"/> gives the tensors.
/// </summary>
public sealed class AdapterFolder
{
    public const string WeightsName = "adapter_model.safetensors";

    private const int MaxErrors = 12;
    private static readonly SafetensorsDType[] s_types = [SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16];

    private AdapterFolder(string path, AdapterConfig config, ImmutableArray<AdapterModule> modules, SafetensorsHeader header) =>
        (Path, Config, Modules, Header) = (path, config, modules, header);

    public string Path { get; }

    public AdapterConfig Config { get; }

    /// <summary>The adapted layers; A and B of each are in the file with the right shapes.</summary>
    public ImmutableArray<AdapterModule> Modules { get; }

    /// <summary>Header of the weights' file.</summary>
    public SafetensorsHeader Header { get; }

    /// <summary>Whether a folder holds an adapter rather than a whole model.</summary>
    public static bool IsOne(string path) => File.Exists(System.IO.Path.Combine(path, AdapterConfig.FileName)) || File.Exists(System.IO.Path.Combine(path, WeightsName));

    /// <summary>Reads and checks an adapter.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="model">The model that it adapts; says which layers there are and their shapes.</param>
    /// <exception cref="InvalidDataException">The message lists everything that is wrong, one finding a line.</exception>
    public static AdapterFolder Read(string path, ModelConfig model)
    {
        var errors = new List<string>();
        return Read(path, model, errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>The same; adds one finding per defect to <paramref name="errors"/> and returns null if there is any.</summary>
    public static AdapterFolder? Read(string path, ModelConfig model, ICollection<string> errors)
    {
        var found = new List<string>();
        AdapterFolder? folder = null;
        try
        {
            string file = System.IO.Path.Combine(path, WeightsName), configFile = System.IO.Path.Combine(path, AdapterConfig.FileName);
            foreach (string missing in ((string[])[configFile, file]).Where(one => !File.Exists(one))) { found.Add($"{path} has no {System.IO.Path.GetFileName(missing)}; a LoRA adapter in PEFT's layout has {AdapterConfig.FileName} and {WeightsName}."); }
            if (found.Count == 0 && AdapterConfig.Read(configFile, found) is { } config)
            {
                folder = new AdapterFolder(path, config, AdapterModule.Of(model, config.TargetModules), SafetensorsHeader.Read(file));
                folder.Check(found);
            }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException) { found.Add(e.Message); }

        foreach (string error in found.Take(MaxErrors)) { errors.Add(error); }
        if (found.Count > MaxErrors) { errors.Add($"{path}: {found.Count - MaxErrors} more tensors are wrong."); }
        return found.Count == 0 ? folder : null;
    }

    /// <summary>Opens the tensors; dispose it.</summary>
    /// <exception cref="IOException">The file is gone or cannot be read.</exception>
    /// <exception cref="InvalidDataException">The file was replaced by a damaged one since it was checked.</exception>
    public SafetensorsReader OpenWeights() => SafetensorsReader.Open(System.IO.Path.Combine(Path, WeightsName));

    private void Check(List<string> errors)
    {
        var known = new HashSet<string>(StringComparer.Ordinal);
        foreach (var module in Modules)
        {
            Check(module.NameOfA, [Config.Rank, module.Inputs]);
            Check(module.NameOfB, [module.Outputs, Config.Rank]);
        }

        foreach (var entry in Header.Entries.Where(entry => !known.Contains(entry.Name)))
        {
            errors.Add($"{Header.Path}: tensor {SafetensorsHeader.Quote(entry.Name)} of shape {SafetensorsHeader.Show(entry.Shape)} belongs to none of the layers that {AdapterConfig.FileName} names ({string.Join(", ", Config.TargetModules)}); it would be ignored.");
        }

        void Check(string name, ReadOnlySpan<long> shape)
        {
            known.Add(name);
            if (Header.Find(name) is not { } entry) { errors.Add($"{Header.Path} lacks tensor '{name}' of shape {SafetensorsHeader.Show(shape.ToArray())}, which {AdapterConfig.FileName} and the model's config.json call for."); return; }
            if (!entry.Shape.AsSpan().SequenceEqual(shape)) { errors.Add($"{Header.Path}: tensor '{name}' has shape {SafetensorsHeader.Show(entry.Shape)}; {AdapterConfig.FileName} and the model's config.json call for {SafetensorsHeader.Show(shape.ToArray())}."); }
            if (!s_types.Contains(entry.DType)) { errors.Add($"{Header.Path}: tensor '{name}' has dtype {entry.DType}; supported: {string.Join(", ", s_types)}."); }
        }
    }
}
