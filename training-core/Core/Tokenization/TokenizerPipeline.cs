using System.Text.Json;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// The stages around the BPE in a tokenizer.json: normalizer, pre-tokenizer, decoder. The post-processor is not read: it only adds
/// begin and end tokens, which callers here place themselves.
/// </summary>
internal static class TokenizerPipeline
{
    /// <summary>The pattern of a ByteLevel pre-tokenizer with use_regex, fixed by the format (GPT-2's).</summary>
    private const string ByteLevelPattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    /// <summary>Whether texts are normalized to NFC.</summary>
    public static bool ReadNormalizer(JsonElement root)
    {
        var types = Stages(root, "normalizer", "normalizers").Select(Type).ToList();
        return types.Find(type => type != "NFC") is { } other ? throw Unsupported("normalizer", other, "NFC or null") : types.Count > 0;
    }

    /// <summary>The splits before the byte level, in order.</summary>
    public static List<ScalarSplitter> ReadPreTokenizer(JsonElement root)
    {
        var splitters = new List<ScalarSplitter>();
        var stages = Stages(root, "pre_tokenizer", "pretokenizers").ToList();
        if (stages.Count == 0 || Type(stages[^1]) != "ByteLevel")
        {
            throw Unsupported("pre_tokenizer", stages.Count == 0 ? "null" : Type(stages[^1]), "ByteLevel, or a Sequence that ends with it");
        }

        for (int i = 0; i < stages.Count; i++)
        {
            string? pattern = (Type(stages[i]), i == stages.Count - 1) switch
            {
                ("ByteLevel", true) => ByteLevelSplit(stages[i]),
                ("Split", false) => SplitPattern(stages[i]),
                ("Digits", false) => Flag(stages[i], "individual_digits", absent: false) ? @"\p{N}" : @"\p{N}+",
                var (type, _) => throw Unsupported("pre_tokenizer", type, "Split or Digits, then ByteLevel"),
            };
            if (pattern is not null) { splitters.Add(new ScalarSplitter(pattern)); }
        }

        return splitters;
    }

    /// <summary>Throws unless ids are turned to text by the byte level.</summary>
    public static void CheckDecoder(JsonElement root)
    {
        var types = Stages(root, "decoder", "decoders").Select(Type).ToList();
        if (types is not ["ByteLevel"]) { throw Unsupported("decoder", types.Count == 0 ? "null" : string.Join(", ", types), "ByteLevel"); }
    }

    /// <summary>The string property of that name, null if it is absent or null.</summary>
    public static string? Text(JsonElement parent, string name) => parent.TryGetProperty(name, out var value) ? value.GetString() : null;

    public static FormatException Unsupported(string what, string value, string accepted) =>
        new($"{what} is {value}, which is not supported; accepted: {accepted}");

    private static string? ByteLevelSplit(JsonElement stage)
    {
        // The format's default for add_prefix_space is true; every byte-level BPE in use writes it down.
        if (Flag(stage, "add_prefix_space", absent: true)) { throw Unsupported("pre_tokenizer.ByteLevel.add_prefix_space", "true", "false"); }
        return Flag(stage, "use_regex", absent: true) ? ByteLevelPattern : null;
    }

    private static string SplitPattern(JsonElement stage)
    {
        string behavior = Text(stage, "behavior") ?? "none";
        if (behavior != "Isolated") { throw Unsupported("pre_tokenizer.Split.behavior", behavior, "Isolated"); }
        if (Flag(stage, "invert", absent: false)) { throw Unsupported("pre_tokenizer.Split.invert", "true", "false"); }
        if (stage.TryGetProperty("pattern", out var pattern) && pattern.ValueKind == JsonValueKind.Object)
        {
            if (Text(pattern, "Regex") is { Length: > 0 } regex) { return regex; }
            if (Text(pattern, "String") is { Length: > 0 } text) { return Regex.Replace(text, @"[^\sA-Za-z0-9]", @"\$0"); }
        }

        throw new FormatException("a Split of pre_tokenizer has no pattern {\"Regex\": ...} or {\"String\": ...}");
    }

    private static IEnumerable<JsonElement> Stages(JsonElement root, string name, string members)
    {
        if (!root.TryGetProperty(name, out var stage) || stage.ValueKind == JsonValueKind.Null) { return []; }
        if (Type(stage) != "Sequence") { return [stage]; }
        return stage.TryGetProperty(members, out var list) ? list.EnumerateArray() : throw new FormatException($"{name} is a Sequence without {members}");
    }

    private static string Type(JsonElement stage) =>
        (stage.ValueKind == JsonValueKind.Object ? Text(stage, "type") : null) ?? throw new FormatException("a normalizer, pre_tokenizer or decoder has no type");

    private static bool Flag(JsonElement stage, string name, bool absent) =>
        stage.TryGetProperty(name, out var value) ? value.GetBoolean() : absent;
}
