using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Unicode;

namespace Ctwa.Training.Models.Lora;

/// <summary>Reads one adapter_config.json, collecting every defect.</summary>
internal sealed class AdapterConfigReader(string path, ICollection<string> errors)
{
    private const int MaxBytes = 4 << 20, MaxRank = 65536, MaxTargets = 1024;

    /// <summary>The linear layers of a decoder block.</summary>
    private static readonly string[] s_linear = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"];

    private JsonElement root;

    public AdapterConfig? Read()
    {
        int before = errors.Count;
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        if (stream.Length > MaxBytes) { Refuse($"is {stream.Length} bytes long; an adapter_config.json has at most {MaxBytes}."); return null; }
        byte[] text = new byte[stream.Length];
        stream.ReadExactly(text);
        // The parser lets broken text inside strings pass, and throws when they are looked at.
        if (!Utf8.IsValid(text)) { Refuse("is not UTF-8 text; expected is PEFT's adapter_config.json."); return null; }
        JsonDocument document;
        try { document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 32, AllowDuplicateProperties = false }); }
        catch (JsonException e) { Refuse($"is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}; expected is PEFT's adapter_config.json."); return null; }
        catch (InvalidOperationException) { Refuse("is not valid JSON: a property's name has half of a surrogate pair."); return null; }
        using (document)
        {
            root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object) { Refuse("holds no JSON object; expected is PEFT's adapter_config.json."); return null; }
            CheckKind();
            var config = new AdapterConfig
            {
                Rank = (int)Number("r", 1, MaxRank, whole: true),
                Alpha = Number("lora_alpha", 1e-9, 1e9, whole: false),
                TargetModules = Targets(),
                BaseModel = Text("base_model_name_or_path"),
                Dropout = Present("lora_dropout", out _) ? Number("lora_dropout", 0, 1, whole: false) : 0,
                RankStabilized = Flag("use_rslora"),
            };
            return errors.Count == before ? config : null;
        }
    }

    private void CheckKind()
    {
        if (!Present("peft_type", out var kind) || !Is(kind, "LORA")) { Refuse($"has peft_type {Show("peft_type")}; supported is \"LORA\"."); }
        if (Present("task_type", out var task) && !Is(task, "CAUSAL_LM")) { Refuse($"has task_type {Show("task_type")}; supported is \"CAUSAL_LM\"."); }
        if (Present("bias", out var bias) && !Is(bias, "none")) { Refuse($"has bias {Show("bias")}; supported is \"none\"."); }
        foreach (string key in (string[])["use_dora", "fan_in_fan_out", "lora_bias"])
        {
            if (Flag(key)) { Refuse($"has {key} true; supported is false."); }
        }

        foreach (string key in (string[])["rank_pattern", "alpha_pattern", "modules_to_save", "layers_to_transform", "layer_replication", "exclude_modules", "target_parameters", "trainable_token_indices"])
        {
            if (Present(key, out var value) && !IsEmpty(value)) { Refuse($"has {key} {Show(key)}; supported are adapters without it: one rank and scale for every target module of every layer."); }
        }
    }

    private ImmutableArray<string> Targets()
    {
        if (!Present("target_modules", out var value) || value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > MaxTargets)
        {
            Refuse($"has target_modules {Show("target_modules")}; expected is a list of names such as [\"q_proj\", \"v_proj\"].");
            return [];
        }

        var names = ImmutableArray.CreateBuilder<string>();
        foreach (var item in value.EnumerateArray())
        {
            if (s_linear.FirstOrDefault(name => Is(item, name)) is not { } known) { Refuse($"has {Cut(item.GetRawText())} in target_modules; supported are {string.Join(", ", s_linear)}."); }
            else if (names.Contains(known)) { Refuse($"has '{known}' twice in target_modules."); }
            else { names.Add(known); }
        }

        return names.ToImmutable();
    }

    private string? Text(string key)
    {
        if (!Present(key, out var value)) { return null; }
        try
        {
            if (value.ValueKind == JsonValueKind.String) { return value.GetString(); }
        }
        catch (InvalidOperationException)
        {
            // Half a surrogate pair in an escape: no text.
        }

        Refuse($"has {key} {Show(key)}; expected is a text.");
        return null;
    }

    private bool Flag(string key)
    {
        if (!Present(key, out var value)) { return false; }
        if (value.ValueKind is not (JsonValueKind.True or JsonValueKind.False)) { Refuse($"has {key} {Show(key)}; expected is true or false."); }
        return value.ValueKind == JsonValueKind.True;
    }

    private double Number(string key, double min, double max, bool whole)
    {
        if (Present(key, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && number >= min && number <= max && (!whole || number == Math.Floor(number))) { return number; }
        Refuse(FormattableString.Invariant($"has {key} {Show(key)}; expected is a {(whole ? "whole number" : "number")} from {min} to {max}."));
        return min;
    }

    private static bool IsEmpty(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => !value.EnumerateObject().Any(),
        JsonValueKind.Array => value.GetArrayLength() == 0,
        _ => false,
    };

    private bool Present(string key, out JsonElement value) => root.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;

    // By raw text: the accepted words have no escapes, and an escaped lone surrogate cannot be decoded.
    private static bool Is(JsonElement value, string word) => value.GetRawText() == $"\"{word}\"";

    private string Show(string key) => root.TryGetProperty(key, out var value) ? Cut(value.GetRawText()) : "missing";

    private static string Cut(string raw)
    {
        string shown = new([.. raw.Take(100).Select(c => char.IsControl(c) || char.IsSurrogate(c) ? '?' : c)]);
        return raw.Length > 100 ? shown + "..." : shown;
    }

    private void Refuse(string message) => errors.Add($"{path} {message}");
}
