using System.Text.Json.Nodes;
using Ctwa.Training.Tokenization;

namespace Ctwa.Training.Tests.Tokenization;

/// <summary>A temporary folder with a small tokenizer.json, full byte alphabet and NFC unless a test changes it.</summary>
internal sealed class TokenizerFixture : IDisposable
{
    public const string QwenPattern =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    public TokenizerFixture(string alphabet = "", params string[] merges)
    {
        var vocabulary = new JsonObject();
        var symbols = alphabet.Length > 0 ? alphabet.Select(c => c.ToString()) : Enumerable.Range(0, 256).Select(b => ByteAlphabet.Character((byte)b).ToString());
        foreach (string entry in symbols.Concat(merges.Select(m => m.Replace(" ", "", StringComparison.Ordinal))).Distinct()) { vocabulary[entry] = vocabulary.Count; }
        Json = new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(),
            ["normalizer"] = JsonNode.Parse("""{"type":"NFC"}"""),
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(Split(QwenPattern), JsonNode.Parse("""{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}""")),
            },
            ["decoder"] = JsonNode.Parse("""{"type":"ByteLevel"}"""),
            ["model"] = new JsonObject { ["type"] = "BPE", ["vocab"] = vocabulary, ["merges"] = new JsonArray([.. merges.Select(m => JsonValue.Create(m))]) },
        };
    }

    public JsonObject Json { get; }

    public string Folder { get; } = Directory.CreateTempSubdirectory("ctwa-tokenizer-").FullName;

    public string Path => System.IO.Path.Combine(Folder, "tokenizer.json");

    public JsonObject Vocabulary => Json["model"]!["vocab"]!.AsObject();

    public static JsonObject Split(string regex) => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = regex },
        ["behavior"] = "Isolated",
        ["invert"] = false,
    };

    public void Add(string content, bool special = true, bool normalized = false, int? id = null)
    {
        var added = Json["added_tokens"]!.AsArray();
        added.Add((JsonNode)new JsonObject
        {
            ["id"] = id ?? Vocabulary.Count + added.Count, ["content"] = content, ["special"] = special, ["normalized"] = normalized,
        });
    }

    public void UsePattern(string regex) => Json["pre_tokenizer"]!["pretokenizers"]![0] = Split(regex);

    public HuggingFaceTokenizer Load()
    {
        File.WriteAllText(Path, Json.ToJsonString());
        return HuggingFaceTokenizer.Load(Folder);
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
