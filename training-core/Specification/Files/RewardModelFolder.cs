using System.Collections.Immutable;
using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>A Hugging Face folder with a sequence-classification head: a decoder and <c>score.weight</c> [labels, hidden]. No weight is read.</summary>
public sealed record RewardModelFolder
{
    /// <summary>The head's tensor.</summary>
    public const string Head = "score.weight";

    private const string Architecture = "ForSequenceClassification";
    private const int MaxLabels = 4096;

    private RewardModelFolder(string path, ModelConfig config, ImmutableArray<string> labels, int? padToken) => (Path, Config, Labels, PadToken) = (path, config, labels, padToken);

    public string Path { get; }

    /// <summary>Shape of the decoder; it has no output matrix.</summary>
    public ModelConfig Config { get; }

    /// <summary>Names of the head's rows: those of id2label, or LABEL_0, ...</summary>
    public ImmutableArray<string> Labels { get; }

    /// <summary>Padding token; Hugging Face's code reads the value at the last token that is none.</summary>
    public int? PadToken { get; }

    /// <summary>All parameters in the order of flat memory: the decoder's, then the head.</summary>
    public ImmutableArray<ModelParameter> Parameters() => [.. Config.Parameters(), HeadOf(Config, Labels.Length)];

    /// <summary>Elements of all parameters.</summary>
    public long ParameterCount() => Parameters().Sum(parameter => parameter.Count);

    /// <summary>Bytes that the model needs: its weights in float32 and the largest forward pass.</summary>
    public long MemoryBytes(ModelRewardSpec spec)
    {
        // One layer is alive at a time: about 8 widths, the feed-forward rows, and the scores of every head with every token, twice.
        double perToken = (8.0 * Config.HiddenSize) + (3.0 * Config.IntermediateSize) + (2.0 * Config.NumAttentionHeads * spec.MaxTokens);
        return (long)Math.Min(4 * (ParameterCount() + (Math.Max(spec.BatchTokens, spec.MaxTokens) * perToken)), 1L << 56);
    }

    /// <summary>Reads and checks configuration, headers and head.</summary>
    /// <exception cref="InvalidDataException">The message lists everything that is wrong, one finding a line.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static RewardModelFolder Read(string path)
    {
        var errors = new List<string>();
        return Read(path, errors) ?? throw new InvalidDataException(string.Join(Environment.NewLine, errors));
    }

    /// <summary>The same; adds one finding per defect and returns null if there is any.</summary>
    /// <exception cref="InvalidDataException">The configuration is no text.</exception>
    /// <exception cref="IOException">A file is absent or cannot be read.</exception>
    public static RewardModelFolder? Read(string path, ICollection<string> errors)
    {
        string file = System.IO.Path.Combine(path, "config.json");
        if (!File.Exists(file)) { errors.Add($"{path} has no config.json; give a Hugging Face folder of a {Architecture} model."); return null; }
        string text = ModelConfigReader.Load(file);
        if (ModelConfig.ReadText(file, text, errors) is not { } config) { return null; }
        // The classification models have no output matrix, whatever tie_word_embeddings says.
        config = config with { TieWordEmbeddings = true };
        using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 32 });
        int before = errors.Count;
        CheckArchitecture(file, document.RootElement, errors);
        var labels = ReadLabels(file, document.RootElement, errors);
        int? padToken = PadTokenOf(document.RootElement);
        if (errors.Count > before) { return null; }
        return ModelFolder.Read(path, config, errors, HeadOf(config, labels.Length)) is null ? null : new RewardModelFolder(path, config, labels, padToken);
    }

    private static ModelParameter HeadOf(ModelConfig config, int labels) => new(Head, [labels, config.HiddenSize]);

    private static void CheckArchitecture(string file, JsonElement root, ICollection<string> errors)
    {
        if (!root.TryGetProperty("architectures", out var names) || names.ValueKind != JsonValueKind.Array) { return; }
        string[] listed = [.. names.EnumerateArray().Where(name => name.ValueKind == JsonValueKind.String).Select(name => name.GetString()!)];
        if (listed.Length > 0 && !listed.Any(name => name.EndsWith(Architecture, StringComparison.Ordinal)))
        {
            errors.Add($"{file}: architectures is {string.Join(", ", listed)}; a reward model is one of Qwen2{Architecture}, Qwen3{Architecture} and Llama{Architecture}.");
        }
    }

    /// <summary>As transformers has it: id2label decides, else num_labels, else two.</summary>
    private static ImmutableArray<string> ReadLabels(string file, JsonElement root, ICollection<string> errors)
    {
        if (root.TryGetProperty("id2label", out var map) && map.ValueKind == JsonValueKind.Object)
        {
            int count = map.EnumerateObject().Count();
            var names = new string?[Math.Min(count, MaxLabels)];
            foreach (var entry in map.EnumerateObject())
            {
                if (int.TryParse(entry.Name, out int id) && id >= 0 && id < names.Length && entry.Value.ValueKind == JsonValueKind.String) { names[id] = entry.Value.GetString(); }
            }

            if (count is > 0 and <= MaxLabels && names.All(name => name is not null)) { return [.. names.Select(name => name!)]; }
            errors.Add($"{file}: id2label has {count} entries that do not number labels from 0; expected is an object such as {{\"0\": \"helpfulness\"}} with at most {MaxLabels} entries.");
            return [];
        }

        int labels = 2;
        if (root.TryGetProperty("num_labels", out var number) && number.ValueKind != JsonValueKind.Null && !(number.ValueKind == JsonValueKind.Number && number.TryGetInt32(out labels) && labels is > 0 and <= MaxLabels))
        {
            errors.Add($"{file}: num_labels is no whole number from 1 to {MaxLabels}.");
            return [];
        }

        return [.. Enumerable.Range(0, labels).Select(i => FormattableString.Invariant($"LABEL_{i}"))];
    }

    private static int? PadTokenOf(JsonElement root) =>
        root.TryGetProperty("pad_token_id", out var id) && id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out int value) && value >= 0 ? value : null;
}
