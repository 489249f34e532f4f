using System.Text.Json;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Tools.Models;

/// <summary>Makes a <see cref="ModelReport"/>. Of weights, only headers are read.</summary>
internal sealed class ModelInspector
{
    private const int MaxTokenizerBytes = 64 << 20;
    private readonly List<string> _problems = [];

    /// <param name="path">A model, adapter or checkpoint folder, a run directory (its newest checkpoint), a config.json, or a safetensors file.</param>
    /// <exception cref="ToolFailure">There is nothing that could be inspected.</exception>
    public static ModelReport Inspect(string path)
    {
        string full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var inspector = new ModelInspector();
        ModelReport report;
        if (File.Exists(full)) { report = Path.GetExtension(full) == ".json" ? inspector.Config(full) : inspector.SingleFile(full); }
        else if (!Directory.Exists(full)) { throw new ToolFailure(ToolExitCodes.BadInput, $"there is no file or folder '{path}'; give a model folder, a safetensors file, a config.json, an adapter, or a run directory."); }
        else if (ExportSource.IsRun(full))
        {
            var checkpoints = new CheckpointStore(Path.Combine(full, "checkpoints")).Complete();
            if (checkpoints.Count == 0) { throw new ToolFailure(ToolExitCodes.BadInput, $"run '{path}' has no checkpoint yet."); }
            report = inspector.Folder(checkpoints[^1], "checkpoint") with { Checkpoints = [.. checkpoints.Select(one => Path.GetFileName(one))] };
        }
        else { report = inspector.Folder(full, File.Exists(Path.Combine(full, "manifest.json")) ? "checkpoint" : "model"); }

        return report with { Problems = [.. inspector._problems] };
    }

    private ModelReport Config(string path) => new() { Path = path, Kind = "config", Model = Read(path) };

    private ModelReport SingleFile(string path)
    {
        var headers = Headers([path]);
        return Weights(new ModelReport { Path = path, Kind = "file", Metadata = [.. headers.SelectMany(header => header.Metadata)] }, headers);
    }

    private ModelReport Folder(string path, string kind)
    {
        if (AdapterFolder.IsOne(path)) { return Adapter(path, kind); }
        string config = Path.Combine(path, "config.json");
        if (!File.Exists(config)) { throw new ToolFailure(ToolExitCodes.BadInput, $"'{path}' has no config.json and no {AdapterConfig.FileName}; give a Hugging Face model folder, or a PEFT adapter."); }
        var model = Read(config);
        if (model is not null) { _ = ModelFolder.Read(path, model, _problems); }
        IReadOnlyList<string> files = [];
        // With a readable configuration, what is wrong with index or headers has been told already.
        Guard(() => files = ModelFolder.WeightFiles(path), model is null);
        return Companions(Weights(new ModelReport { Path = path, Kind = kind, Model = model }, Headers(files.Where(File.Exists), model is null)), path, model);
    }

    private ModelReport Adapter(string path, string kind)
    {
        string file = Path.Combine(path, AdapterConfig.FileName), weights = Path.Combine(path, AdapterFolder.WeightsName);
        AdapterConfig? adapter = null;
        ModelConfig? model = null;
        if (File.Exists(file)) { Guard(() => adapter = AdapterConfig.Read(file, _problems)); }
        if (adapter?.BaseModel is { } basis && File.Exists(Path.Combine(basis, "config.json"))) { model = Read(Path.Combine(basis, "config.json")); }
        if (adapter is not null && model is null) { _problems.Add($"the base model {SafetensorsHeader.Quote(adapter.BaseModel ?? "(none named)")} of {file} is not here, so the adapter's layers could not be checked; put it there, or correct base_model_name_or_path."); }
        // Without the base model's shape there is nothing to compare with, but missing files are told all the same.
        if (model is not null) { _ = AdapterFolder.Read(path, model, adapter is null ? [] : _problems); }
        foreach (string missing in ((string[])[file, weights]).Where(one => model is null && !File.Exists(one))) { _problems.Add($"{path} has no {Path.GetFileName(missing)}; a LoRA adapter in PEFT's layout has {AdapterConfig.FileName} and {AdapterFolder.WeightsName}."); }
        var headers = Headers(File.Exists(weights) ? [weights] : [], model is null);
        var report = new ModelReport { Path = path, Kind = kind == "checkpoint" ? "adapter checkpoint" : "adapter", Model = model, Adapter = adapter, AdapterParameters = headers.Sum(header => header.Entries.Sum(entry => entry.ByteLength / entry.DType.Size())) };
        return Companions(Weights(report, headers), path, model);
    }

    private static ModelReport Weights(ModelReport report, IReadOnlyList<SafetensorsHeader> headers) => report with
    {
        Files = [.. headers.Select(header => new ReportFile(Path.GetFileName(header.Path), header.FileLength, header.Entries.Length))],
        Types = [.. headers.SelectMany(header => header.Entries).GroupBy(entry => entry.DType).OrderBy(group => group.Key).Select(group => new ReportType(group.Key, group.Count(), group.Sum(entry => entry.ByteLength / entry.DType.Size())))],
    };

    private ModelReport Companions(ModelReport report, string path, ModelConfig? model)
    {
        string tokenizer = Path.Combine(path, "tokenizer.json"), generation = Path.Combine(path, GenerationConfig.FileName);
        int? size = null;
        string? template = null;
        if (File.Exists(tokenizer)) { Guard(() => size = TokenizerFile.ReadSize(tokenizer)); }
        Guard(() => template = TokenizerFiles.ChatTemplate(path));
        if (size > model?.VocabSize) { _problems.Add($"{tokenizer} has ids up to {size - 1}, beyond the embedding's vocab_size {model.VocabSize}; tokenizer and weights do not belong together."); }
        var stops = new List<(int Id, string File)>();
        stops.AddRange((model?.EosTokenIds ?? []).Select(id => (id, "config.json")));
        if (File.Exists(generation)) { Guard(() => stops.AddRange(GenerationConfig.StopTokens(generation).Select(id => (id, GenerationConfig.FileName)))); }
        if (model is not null)
        {
            foreach (var (id, file) in stops.Where(stop => stop.Id >= model.VocabSize)) { _problems.Add($"{Path.Combine(path, file)} has eos_token_id {id}, but vocab_size is {model.VocabSize}; ids lie below it."); }
        }

        var texts = size is null ? [] : AddedTokens(tokenizer);
        return report with
        {
            Tokenizer = new ReportTokenizer(size, template),
            Stops = [.. stops.GroupBy(stop => stop.Id).Select(group => new ReportStop(group.Key, texts.GetValueOrDefault(group.Key), [.. group.Select(stop => stop.File).Distinct()]))],
        };
    }

    private ModelConfig? Read(string config)
    {
        ModelConfig? model = null;
        Guard(() =>
        {
            var errors = new List<string>();
            model = ModelConfig.ReadText(config, Text(config), errors);
            _problems.AddRange(errors);
        });
        return model;
    }

    private static string Text(string path)
    {
        const int max = 4 << 20;
        if (new FileInfo(path).Length > max) { throw new InvalidDataException($"{path} is longer than {max} bytes; it is no config.json."); }
        return File.ReadAllText(path);
    }

    private List<SafetensorsHeader> Headers(IEnumerable<string> files, bool tell = true)
    {
        var headers = new List<SafetensorsHeader>();
        foreach (string file in files) { Guard(() => headers.Add(SafetensorsHeader.Read(file)), tell); }
        return headers;
    }

    /// <summary>Texts of a checked tokenizer.json's added tokens.</summary>
    private static Dictionary<int, string> AddedTokens(string path)
    {
        var texts = new Dictionary<int, string>();
        try
        {
            if (new FileInfo(path).Length > MaxTokenizerBytes) { return texts; }
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 64 });
            if (!document.RootElement.TryGetProperty("added_tokens", out var added) || added.ValueKind != JsonValueKind.Array) { return texts; }
            foreach (var token in added.EnumerateArray())
            {
                if (token.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String) { texts[token.GetProperty("id").GetInt32()] = content.GetString()!; }
            }
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            // The ids are told without texts.
        }

        return texts;
    }

    private void Guard(Action action, bool tell = true)
    {
        try { action(); }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or InvalidOperationException)
        {
            if (tell) { _problems.Add(e.Message); }
        }
    }
}
