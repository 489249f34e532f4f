using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>Where one tensor of a model lies.</summary>
/// <param name="File">Path of its safetensors file.</param>
/// <param name="Entry">Its type, shape and place in that file.</param>
public sealed record StoredTensor(string File, SafetensorsEntry Entry);

/// <summary>The weights of a Hugging Face model folder: one model.safetensors, or several with model.safetensors.index.json. No data is read.</summary>
public sealed class ModelFolder
{
    private const int MaxIndexBytes = 64 << 20;
    private const int MaxErrors = 12;
    private static readonly SafetensorsDType[] supportedTypes = [SafetensorsDType.F32, SafetensorsDType.F16, SafetensorsDType.BF16];

    private ModelFolder(string path, IReadOnlyDictionary<string, StoredTensor> tensors)
    {
        Path = path;
        Tensors = tensors;
    }

    public string Path { get; }

    /// <summary>Tensors by name.</summary>
    public IReadOnlyDictionary<string, StoredTensor> Tensors { get; }

    /// <summary>Reads index and headers and compares them with the configuration.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">Its configuration, which says what tensors there must be.</param>
    /// <exception cref="InvalidDataException">The message lists everything that is wrong, one finding a line.</exception>
    public static ModelFolder Read(string path, ModelConfig config)
    {
        var errors = new List<string>();
        return Read(path, config, errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>The same; adds one finding per defect to <paramref name="errors"/> and returns null if there is any.</summary>
    /// <param name="path">The folder.</param>
    /// <param name="config">Its configuration.</param>
    /// <param name="errors">Gets the findings.</param>
    /// <param name="head">Parameters that there must be besides those of the configuration.</param>
    public static ModelFolder? Read(string path, ModelConfig config, ICollection<string> errors, params IReadOnlyList<ModelParameter> head)
    {
        var found = new List<string>();
        Dictionary<string, StoredTensor>? tensors = null;
        try
        {
            tensors = ReadTensors(path, found);
            if (found.Count == 0) { Compare(path, config, [.. config.Parameters(), .. head], tensors, found); }
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException) { found.Add(e.Message); }

        // A configuration of another size contradicts every tensor: the first ones tell it.
        foreach (string error in found.Take(MaxErrors)) { errors.Add(error); }
        if (found.Count > MaxErrors) { errors.Add($"{path}: {found.Count - MaxErrors} more tensors are wrong."); }
        return found.Count > 0 ? null : new ModelFolder(path, tensors!);
    }

    /// <summary>Paths of the safetensors files that hold a folder's weights, there or not; none is opened.</summary>
    /// <exception cref="InvalidDataException">The folder has no weights, or its index cannot be used.</exception>
    /// <exception cref="IOException">The folder or its index cannot be read.</exception>
    public static IReadOnlyList<string> WeightFiles(string path)
    {
        string single = System.IO.Path.Combine(path, "model.safetensors"), index = System.IO.Path.Combine(path, "model.safetensors.index.json");
        if (File.Exists(single)) { return [single]; }
        if (!File.Exists(index)) { throw Without(path); }
        return [.. ReadWeightMap(index).Select(place => place.File).Where(IsPlain).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Select(file => System.IO.Path.Combine(path, file))];
    }

    private static Dictionary<string, StoredTensor> ReadTensors(string path, ICollection<string> errors)
    {
        string single = System.IO.Path.Combine(path, "model.safetensors"), index = System.IO.Path.Combine(path, "model.safetensors.index.json");
        if (File.Exists(single)) { return SafetensorsHeader.Read(single).Entries.ToDictionary(e => e.Name, e => new StoredTensor(single, e), StringComparer.Ordinal); }
        if (File.Exists(index)) { return ReadSharded(path, index, errors); }
        throw Without(path);
    }

    private static InvalidDataException Without(string path)
    {
        bool pickle = Directory.Exists(path) && Directory.EnumerateFiles(path).Any(f => System.IO.Path.GetExtension(f) is ".bin" or ".pt" or ".pth");
        return new InvalidDataException($"{path} has neither model.safetensors nor model.safetensors.index.json.{(pickle ? " It has PyTorch pickles, which are never read; convert them to safetensors." : "")}");
    }

    // An index may only name files beside it: anything else could read, or reveal, other files of the machine.
    private static bool IsPlain(string file) =>
        file.Length > 0 && file is not ("." or "..") && file.AsSpan().IndexOfAny('/', '\\', '\0') < 0 && file.EndsWith(".safetensors", StringComparison.Ordinal);

    private static Dictionary<string, StoredTensor> ReadSharded(string path, string index, ICollection<string> errors)
    {
        var tensors = new Dictionary<string, StoredTensor>(StringComparer.Ordinal);
        var headers = new Dictionary<string, SafetensorsHeader?>(StringComparer.Ordinal);
        foreach (var (name, file) in ReadWeightMap(index))
        {
            if (!headers.TryGetValue(file, out var header)) { headers[file] = header = ReadShard(path, index, file, errors); }
            if (header is null) { continue; }
            if (header.Find(name) is { } entry) { tensors[name] = new StoredTensor(header.Path, entry); }
            else { errors.Add($"{index} says that tensor {SafetensorsHeader.Quote(name)} is in {file}, but it is not; fetch the model again."); }
        }

        foreach (var header in headers.Values.OfType<SafetensorsHeader>())
        {
            foreach (var entry in header.Entries.Where(e => !tensors.TryGetValue(e.Name, out var stored) || stored.File != header.Path)) { errors.Add($"{header.Path} holds tensor {SafetensorsHeader.Quote(entry.Name)}, which {index} does not place there; fetch the model again."); }
        }

        return tensors;
    }

    private static SafetensorsHeader? ReadShard(string path, string index, string file, ICollection<string> errors)
    {
        if (!IsPlain(file))
        {
            errors.Add($"{index} names the file {SafetensorsHeader.Quote(file)}; accepted are names of .safetensors files in the same folder, without path.");
            return null;
        }

        string full = System.IO.Path.Combine(path, file);
        if (!File.Exists(full))
        {
            errors.Add($"{index} names the file {SafetensorsHeader.Quote(file)}, but {path} has no such file; the download is incomplete.");
            return null;
        }

        try { return SafetensorsHeader.Read(full); }
        catch (InvalidDataException e)
        {
            errors.Add(e.Message);
            return null;
        }
    }

    private static List<(string Name, string File)> ReadWeightMap(string index)
    {
        if (new FileInfo(index).Length > MaxIndexBytes) { throw new InvalidDataException($"{index} is longer than {MaxIndexBytes} bytes; it is no index of a model."); }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(index), new JsonDocumentOptions { MaxDepth = 16, AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object || !map.EnumerateObject().Any())
            {
                throw new InvalidDataException($"{index} has no weight_map; expected is an object that maps names of tensors to files.");
            }

            return [.. map.EnumerateObject().Select(p => p.Value.ValueKind == JsonValueKind.String ? (p.Name, p.Value.GetString()!) : throw new InvalidDataException($"{index} maps tensor {SafetensorsHeader.Quote(p.Name)} to {SafetensorsHeader.Quote(p.Value.GetRawText())}; expected is a file name."))];
        }
        catch (JsonException e) { throw new InvalidDataException($"{index} is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}: {ErrorText.Printable(SafetensorsHeader.FirstSentence(e.Message))}", e); }
        catch (InvalidOperationException e) { throw new InvalidDataException($"{index} holds text that is not valid Unicode.", e); }
    }

    private static void Compare(string path, ModelConfig config, IReadOnlyList<ModelParameter> expected, Dictionary<string, StoredTensor> tensors, ICollection<string> errors)
    {
        foreach (var parameter in expected)
        {
            if (!tensors.TryGetValue(parameter.Name, out var stored)) { errors.Add($"{path} lacks tensor '{parameter.Name}' of shape {SafetensorsHeader.Show(parameter.Shape)}, which its config.json calls for."); continue; }
            if (!stored.Entry.Shape.SequenceEqual(parameter.Shape)) { errors.Add($"{stored.File}: tensor '{parameter.Name}' has shape {SafetensorsHeader.Show(stored.Entry.Shape)}; config.json calls for {SafetensorsHeader.Show(parameter.Shape)}."); }
            if (!supportedTypes.Contains(stored.Entry.DType)) { errors.Add($"{stored.File}: tensor '{parameter.Name}' has dtype {stored.Entry.DType}; supported: {string.Join(", ", supportedTypes)}."); }
        }

        var known = expected.Select(p => p.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var (name, stored) in tensors.Where(t => !known.Contains(t.Key) && !IsHarmless(t.Key, config)))
        {
            errors.Add($"{stored.File}: tensor {SafetensorsHeader.Quote(name)} of shape {SafetensorsHeader.Show(stored.Entry.Shape)} belongs to no parameter that config.json calls for; it would be ignored.");
        }
    }

    // Files of tied models sometimes repeat the embedding as lm_head, and old ones keep the rotary frequencies.
    private static bool IsHarmless(string name, ModelConfig config) =>
        (config.TieWordEmbeddings && name == "lm_head.weight") || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
}
