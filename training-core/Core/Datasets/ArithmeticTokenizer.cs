using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Training.Datasets;

/// <summary>
/// The built-in task's tokenizer as Hugging Face files: a byte-level BPE without merges, so each character of its
/// vocabulary is one token, whose frequent pieces (<c>\boxed{</c>, line numbers, filler words) are added tokens that are
/// not special. Few tokens per solution keep the quick-start quick.
/// </summary>
public static class ArithmeticTokenizer
{
    public const string PadToken = "<|pad|>", EndOfTextToken = "<|endoftext|>";

    /// <summary>Number of token ids.</summary>
    public const int VocabularySize = 80;

    // The pre-tokenizer of Qwen2. Without merges it cannot change the ids; it is there so that every reader of Qwen's
    // files reads this one.
    private const string SplitPattern = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Text of every token; the index is the id. Characters first, then merged pieces, padding and end of text.</summary>
    public static IReadOnlyList<string> Pieces { get; } =
        [.. ArithmeticVocabulary.Characters.Select(c => c.ToString()), .. ArithmeticVocabulary.Merged, PadToken, EndOfTextToken];

    /// <summary>Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c>; the folder is made if needed and existing files are replaced.</summary>
    public static void WriteTo(string folder)
    {
        Directory.CreateDirectory(folder);
        Write(folder, "tokenizer.json", Tokenizer());
        Write(folder, "tokenizer_config.json", Configuration());
    }

    private static JsonObject Tokenizer()
    {
        var vocabulary = new JsonObject();
        for (int id = 0; id < ArithmeticVocabulary.Characters.Length; id++) { vocabulary.Add(ByteLevelKey(ArithmeticVocabulary.Characters[id]), id); }
        return new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. AddedIds().Select(id => AddedToken(id, withId: true))]),
            ["normalizer"] = new JsonObject { ["type"] = "NFC" },
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = SplitPattern }, ["behavior"] = "Isolated", ["invert"] = false },
                    ByteLevel()),
            },
            ["post_processor"] = ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = "",
                ["end_of_word_suffix"] = "",
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray(),
            },
        };
    }

    private static JsonObject Configuration() => new()
    {
        ["tokenizer_class"] = "PreTrainedTokenizerFast",
        ["add_bos_token"] = false,
        ["add_prefix_space"] = false,
        ["bos_token"] = null,
        ["eos_token"] = EndOfTextToken,
        ["pad_token"] = PadToken,
        ["unk_token"] = null,
        ["model_max_length"] = 2048,
        ["clean_up_tokenization_spaces"] = false,
        ["added_tokens_decoder"] = new JsonObject(AddedIds().Select(id => KeyValuePair.Create(id.ToString(System.Globalization.CultureInfo.InvariantCulture), (JsonNode?)AddedToken(id, withId: false)))),
    };

    private static IEnumerable<int> AddedIds() => Enumerable.Range(ArithmeticVocabulary.Characters.Length, Pieces.Count - ArithmeticVocabulary.Characters.Length);

    private static JsonObject AddedToken(int id, bool withId)
    {
        var token = new JsonObject();
        if (withId) { token.Add("id", id); }
        token.Add("content", Pieces[id]);
        token.Add("single_word", false);
        token.Add("lstrip", false);
        token.Add("rstrip", false);
        token.Add("normalized", false);
        token.Add("special", Pieces[id] is PadToken or EndOfTextToken);
        return token;
    }

    private static JsonObject ByteLevel() => new() { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = false, ["use_regex"] = false };

    /// <summary>A character of the vocabulary in GPT-2's byte alphabet, which shows the bytes up to the space as U+0100 onwards; other ASCII stands for itself.</summary>
    private static string ByteLevelKey(char character) => (character <= ' ' ? (char)(character + 0x100) : character).ToString();

    private static void Write(string folder, string name, JsonObject content) =>
        File.WriteAllText(Path.Combine(folder, name), content.ToJsonString(s_json) + "\n", new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
}
