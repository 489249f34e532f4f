using System.Collections.Immutable;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Reads one config.json, collecting every defect. What this build cannot compute exactly is refused, never ignored.</summary>
internal sealed partial class ModelConfigReader(string path, ICollection<string> errors)
{
    private const int MaxBytes = 4 << 20;
    private JsonElement root;
    private ModelArchitecture architecture;

    /// <summary>The text of a config.json.</summary>
    /// <exception cref="InvalidDataException">Larger than 4 MB, or not UTF-8.</exception>
    public static string Load(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        if (stream.Length > MaxBytes) { throw new InvalidDataException($"{path} is {stream.Length} bytes long; a config.json has at most {MaxBytes}."); }
        try
        {
            using var reader = new StreamReader(stream, new UTF8Encoding(true, throwOnInvalidBytes: true), detectEncodingFromByteOrderMarks: false);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e) { throw new InvalidDataException($"{path} is not UTF-8 text; expected is the model's config.json.", e); }
    }

    public ModelConfig? Read(string text)
    {
        int before = errors.Count;
        JsonDocument document;
        try { document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false }); }
        catch (JsonException e)
        {
            errors.Add($"{path}({e.LineNumber + 1},{e.BytePositionInLine + 1}): not valid JSON: {PositionSuffix().Replace(e.Message, "")}");
            return null;
        }
        catch (InvalidOperationException)
        {
            // A name with half a surrogate pair, which the search for duplicates cannot decode.
            errors.Add($"{path}: not valid JSON: a property's name has half of a surrogate pair.");
            return null;
        }

        using (document)
        {
            root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) { Refuse("config.json holds no JSON object."); return null; }
            if (!CheckModelType()) { return null; }
            CheckUnsupported();
            var config = ReadFields();
            CheckShape(config);
            return errors.Count == before ? config : null;
        }
    }

    private bool CheckModelType()
    {
        string supported = string.Join(", ", ModelConfig.SupportedModelTypes);
        if (!Present("model_type", out var type)) { Refuse($"model_type is missing; supported: {supported}."); return false; }
        foreach (var known in Enum.GetValues<ModelArchitecture>())
        {
            if (!Is(type, ModelConfig.TypeName(known))) { continue; }
            architecture = known;
            return true;
        }

        Refuse($"model_type is {Show(type)}; this build can load: {supported}. Choose a model of that family.");
        return false;
    }

    private void CheckUnsupported()
    {
        if (Present("hidden_act", out var act) && !Is(act, "silu")) { Refuse($"hidden_act is {Show(act)}; supported is \"silu\"."); }
        if (Present("use_sliding_window", out var sliding) && sliding.ValueKind != JsonValueKind.False) { Refuse($"use_sliding_window is {Show(sliding)}; supported is false (full causal attention)."); }
        foreach (string bias in (string[])["attention_bias", "mlp_bias"])
        {
            if (Present(bias, out var value) && value.ValueKind != JsonValueKind.False && !(bias == "attention_bias" && architecture == ModelArchitecture.Qwen2)) { Refuse($"{bias} is {Show(value)}; supported is false."); }
        }

        if (Present("layer_types", out var layers) && (layers.ValueKind != JsonValueKind.Array || layers.EnumerateArray().Any(l => !Is(l, "full_attention"))))
        {
            Refuse($"layer_types is {Show(layers)}; supported is \"full_attention\" for every layer.");
        }

        if (Present("quantization_config", out _)) { Refuse("quantization_config is present; quantized weights are not supported: use the unquantized model."); }
    }

    private ModelConfig ReadFields()
    {
        int hidden = Whole("hidden_size", 1, 65536), heads = Whole("num_attention_heads", 1, 1024);
        int? dim = Present("head_dim", out _) ? Whole("head_dim", 1, 65536) : null;
        // transformers' default for Qwen3; the other families divide.
        if (dim is null && architecture == ModelArchitecture.Qwen3) { dim = 128; }
        if (dim is null && hidden > 0 && heads > 0 && hidden % heads != 0) { Refuse($"hidden_size {hidden} is no multiple of num_attention_heads {heads}, and head_dim is not given."); }
        return new ModelConfig
        {
            Architecture = architecture,
            HiddenSize = hidden,
            IntermediateSize = Whole("intermediate_size", 1, 1048576),
            NumHiddenLayers = Whole("num_hidden_layers", 1, 1024),
            NumAttentionHeads = heads,
            NumKeyValueHeads = Whole("num_key_value_heads", 1, 1024, architecture == ModelArchitecture.Llama ? heads : null),
            HeadDim = dim ?? (heads > 0 ? hidden / heads : 0),
            VocabSize = Whole("vocab_size", 2, 1 << 24),
            RopeTheta = Theta(),
            RopeScaling = Scaling(),
            RmsNormEps = Number(root, "rms_norm_eps", 1e-12, 1e-1, 1e-6),
            TieWordEmbeddings = Flag("tie_word_embeddings"),
            MaxPositionEmbeddings = Whole("max_position_embeddings", 2, int.MaxValue, 32768),
            BosTokenId = Present("bos_token_id", out _) ? Whole("bos_token_id", 0, 1 << 24) : null,
            EosTokenIds = StopTokens(),
            InitializerRange = Number(root, "initializer_range", 0, 10, 0.02),
            TorchDtype = Dtype(),
        };
    }

    private void CheckShape(ModelConfig config)
    {
        if (config.NumKeyValueHeads > 0 && config.NumAttentionHeads > 0 && config.NumAttentionHeads % config.NumKeyValueHeads != 0) { Refuse($"num_attention_heads {config.NumAttentionHeads} is no multiple of num_key_value_heads {config.NumKeyValueHeads}."); }
        if (config.HeadDim % 2 != 0) { Refuse($"the head size is {config.HeadDim}; the rotary embedding needs an even one."); }
        if (config.VocabSize == 0) { return; }
        if (config.BosTokenId >= config.VocabSize) { Refuse($"bos_token_id is {config.BosTokenId}, but vocab_size is {config.VocabSize}; ids lie below it."); }
        foreach (int id in config.EosTokenIds.Where(id => id >= config.VocabSize)) { Refuse($"eos_token_id is {id}, but vocab_size is {config.VocabSize}; ids lie below it."); }
    }

    // The older form is rope_scaling, the newer rope_parameters, which holds rope_theta too.
    private RopeScaling? Scaling()
    {
        string key = Present("rope_scaling", out var scaling) ? "rope_scaling" : "rope_parameters";
        if (!Present(key, out scaling)) { return null; }
        if (scaling.ValueKind != JsonValueKind.Object) { Refuse($"{key} is {Show(scaling)}; expected is null or an object with rope_type."); return null; }
        if (!scaling.TryGetProperty("rope_type", out var type) && !scaling.TryGetProperty("type", out type))
        {
            if (key == "rope_scaling") { Refuse($"{key} is {Show(scaling)}; rope_type is missing: supported are \"default\" and \"llama3\"."); }
            return null;
        }

        if (Is(type, "default")) { return null; }
        if (!Is(type, "llama3")) { Refuse($"{key}.rope_type is {Show(type)}; supported are \"default\" (plain rotary embedding) and \"llama3\"."); return null; }
        double Required(string name)
        {
            if (!scaling.TryGetProperty(name, out _)) { Refuse($"{key}.{name} is missing; rope_type llama3 needs it."); return 1; }
            return Number(scaling, name, 1e-3, 1e9, 1);
        }

        var read = new RopeScaling(Required("factor"), Required("low_freq_factor"), Required("high_freq_factor"), (int)Required("original_max_position_embeddings"));
        if (read.HighFreqFactor <= read.LowFreqFactor) { Refuse(FormattableString.Invariant($"{key}.high_freq_factor is {read.HighFreqFactor}, which is not above low_freq_factor {read.LowFreqFactor}.")); }
        return read;
    }

    // Newer transformers write rope_theta into rope_parameters.
    private double Theta() => !Present("rope_theta", out _) && Present("rope_parameters", out var rope) && rope.ValueKind == JsonValueKind.Object
        ? Number(rope, "rope_theta", 1, 1e12, 10000)
        : Number(root, "rope_theta", 1, 1e12, 10000);

    private ImmutableArray<int> StopTokens()
    {
        if (!Present("eos_token_id", out var value)) { return []; }
        if (value.ValueKind != JsonValueKind.Array) { return [Whole("eos_token_id", 0, 1 << 24)]; }
        var ids = ImmutableArray.CreateBuilder<int>();
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int id) && id >= 0) { ids.Add(id); }
            else { Refuse($"eos_token_id contains {Show(item)}; expected are token ids."); }
        }

        return ids.ToImmutable();
    }

    private string Dtype()
    {
        string key = Present("torch_dtype", out var value) ? "torch_dtype" : "dtype";
        if (!Present(key, out value)) { return "float32"; }
        foreach (string type in (string[])["float32", "bfloat16", "float16"])
        {
            if (Is(value, type)) { return type; }
        }

        Refuse($"{key} is {Show(value)}; supported: float32, bfloat16, float16.");
        return "float32";
    }

    private bool Flag(string key)
    {
        if (!Present(key, out var value)) { return false; }
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) { Refuse($"{key} is {Show(value)}; expected is true or false."); }
        return value.ValueKind == JsonValueKind.True;
    }

    private int Whole(string key, int min, int max, int? fallback = null)
    {
        if (!Present(key, out var value))
        {
            if (fallback is null) { Refuse($"{key} is missing; expected is a whole number from {min} to {max}."); }
            return fallback ?? 0;
        }

        if (value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max) { return number; }
        Refuse($"{key} is {Show(value)}; expected is a whole number from {min} to {max}.");
        return 0;
    }

    private double Number(JsonElement parent, string key, double min, double max, double fallback)
    {
        if (!parent.TryGetProperty(key, out var value) || value.ValueKind == JsonValueKind.Null) { return fallback; }
        if (value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max) { return number; }
        Refuse(FormattableString.Invariant($"{key} is {Show(value)}; expected is a number from {min} to {max}."));
        return fallback;
    }

    private bool Present(string key, out JsonElement value) => root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    // By raw text: the accepted words have no escapes, and an escaped lone surrogate cannot be decoded.
    private static bool Is(JsonElement value, string word) => value.GetRawText() == $"\"{word}\"";

    private static string Show(JsonElement value) => value.GetRawText() is { Length: > 100 } raw ? raw[..100] + "..." : value.GetRawText();

    private void Refuse(string message) => errors.Add($"{path}: {message}");

    [GeneratedRegex(@"\s*(Path: .*)?\s*LineNumber: \d+ \| BytePositionInLine: \d+\.$", RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex PositionSuffix();
}
