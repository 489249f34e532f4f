using System.Text.Json;

namespace Ctwa.Training.Tokenization;

/// <summary>Reads a Hugging Face tokenizer.json that describes a byte-level BPE.</summary>
internal static class TokenizerFile
{
    /// <summary>Ids are array indices here; a larger one is a damaged file, not a vocabulary.</summary>
    private const int LargestId = 10_000_000;

    /// <param name="path">Names the file in errors.</param>
    /// <param name="content">Its bytes.</param>
    /// <exception cref="InvalidDataException">The file is not JSON, contradicts itself, or asks for something that is not supported; the message says which.</exception>
    public static TokenizerDefinition Read(string path, byte[] content)
    {
        try
        {
            using var document = JsonDocument.Parse(content);
            return Read(document.RootElement);
        }
        catch (JsonException error) { throw Invalid(path, $"it is not complete JSON ({error.Message})", error); }
        // JsonElement throws InvalidOperationException for a value of another kind, FormatException for a number out of range.
        catch (Exception error) when (error is FormatException or InvalidOperationException or InvalidDataException) { throw Invalid(path, error.Message, error); }
    }

    private static TokenizerDefinition Read(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("model", out var model) || model.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("it has no object \"model\"; a Hugging Face tokenizer.json does");
        }

        CheckModel(model);
        var vocabulary = ReadVocabulary(model);
        var merges = ReadMerges(model, vocabulary);
        var addedTokens = ReadAddedTokens(root, vocabulary);
        CheckIds(vocabulary, addedTokens);
        TokenizerPipeline.CheckDecoder(root);
        return new TokenizerDefinition(
            vocabulary, merges, Flag(model, "ignore_merges"), addedTokens,
            TokenizerPipeline.ReadNormalizer(root), TokenizerPipeline.ReadPreTokenizer(root));
    }

    private static void CheckModel(JsonElement model)
    {
        string type = TokenizerPipeline.Text(model, "type") ?? "BPE";
        if (type != "BPE") { throw TokenizerPipeline.Unsupported("model.type", type, "BPE"); }
        if (Flag(model, "byte_fallback")) { throw TokenizerPipeline.Unsupported("model.byte_fallback", "true", "false"); }
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (TokenizerPipeline.Text(model, affix) is { Length: > 0 } set) { throw TokenizerPipeline.Unsupported($"model.{affix}", set, "none"); }
        }

        if (model.TryGetProperty("dropout", out var dropout) && dropout.ValueKind != JsonValueKind.Null && dropout.GetDouble() != 0)
        {
            throw TokenizerPipeline.Unsupported("model.dropout", dropout.GetRawText(), "null");
        }
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement model)
    {
        if (!model.TryGetProperty("vocab", out var entries) || entries.ValueKind != JsonValueKind.Object)
        {
            throw new FormatException("model.vocab is missing or not an object of token to id");
        }

        var vocabulary = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var entry in entries.EnumerateObject())
        {
            if (!vocabulary.TryAdd(entry.Name, ReadId(entry.Value, entry.Name))) { throw new FormatException($"model.vocab lists the token \"{entry.Name}\" twice"); }
        }

        return vocabulary.Count > 0 ? vocabulary : throw new FormatException("model.vocab is empty");
    }

    private static List<(int, int, int)> ReadMerges(JsonElement model, Dictionary<string, int> vocabulary)
    {
        if (!model.TryGetProperty("merges", out var entries) || entries.ValueKind != JsonValueKind.Array)
        {
            throw new FormatException("model.merges is missing or not an array");
        }

        var merges = new List<(int, int, int)>(entries.GetArrayLength());
        var seen = new HashSet<(int, int)>();
        foreach (var entry in entries.EnumerateArray())
        {
            string[] pair = entry.ValueKind == JsonValueKind.Array
                ? [.. entry.EnumerateArray().Select(part => part.GetString() ?? "")]
                : (entry.GetString() ?? "").Split(' ');
            // In the byte alphabet a token holds no space, so a space inside a part is damage too.
            if (pair.Length != 2 || pair.Any(part => part.Length == 0 || part.Contains(' ', StringComparison.Ordinal)))
            {
                throw new FormatException($"model.merges[{merges.Count}] is {entry.GetRawText()}; a merge is [\"left\", \"right\"] or \"left right\"");
            }

            int Id(string token) => vocabulary.TryGetValue(token, out int id) ? id
                : throw new FormatException($"model.merges[{merges.Count}] is {entry.GetRawText()}, but \"{token}\" is not in model.vocab");
            int left = Id(pair[0]), right = Id(pair[1]), merged = Id(pair[0] + pair[1]);
            if (!seen.Add((left, right))) { throw new FormatException($"model.merges[{merges.Count}], {entry.GetRawText()}, is there twice; which rank it has would be a guess"); }
            merges.Add((left, right, merged));
        }

        return merges;
    }

    private static List<AddedToken> ReadAddedTokens(JsonElement root, Dictionary<string, int> vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (!root.TryGetProperty("added_tokens", out var entries) || entries.ValueKind == JsonValueKind.Null) { return tokens; }
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var entry in entries.EnumerateArray())
        {
            string content = TokenizerPipeline.Text(entry, "content") is { Length: > 0 } text ? text
                : throw new FormatException($"added_tokens[{tokens.Count}] has no content");
            foreach (string flag in (string[])["single_word", "lstrip", "rstrip"])
            {
                if (Flag(entry, flag)) { throw TokenizerPipeline.Unsupported($"added token \"{content}\": {flag}", "true", "false"); }
            }

            int id = entry.TryGetProperty("id", out var value) ? ReadId(value, content) : throw new FormatException($"added token \"{content}\" has no id");
            if (!seen.Add(content)) { throw new FormatException($"added_tokens lists \"{content}\" twice"); }
            if (vocabulary.TryGetValue(content, out int other) && other != id)
            {
                throw new FormatException($"\"{content}\" has id {other} in model.vocab and id {id} in added_tokens");
            }

            tokens.Add(new AddedToken(id, content, Flag(entry, "special"), Flag(entry, "normalized")));
        }

        return tokens;
    }

    private static void CheckIds(Dictionary<string, int> vocabulary, List<AddedToken> addedTokens)
    {
        var owners = new Dictionary<int, string>();
        foreach (var (token, id) in vocabulary.Concat(addedTokens.Select(added => KeyValuePair.Create(added.Content, added.Id))))
        {
            if (!owners.TryAdd(id, token) && owners[id] != token)
            {
                throw new FormatException($"the id {id} is given to both \"{owners[id]}\" and \"{token}\"");
            }
        }
    }

    private static int ReadId(JsonElement value, string token) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int id) && id is >= 0 and <= LargestId ? id
            : throw new FormatException($"the id of \"{token}\" is {value.GetRawText()}; ids are whole numbers from 0 to {LargestId}");

    private static bool Flag(JsonElement parent, string name) =>
        parent.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null && value.GetBoolean();

    private static InvalidDataException Invalid(string path, string what, Exception cause) =>
        new($"{path} cannot be used as a tokenizer: {what}.", cause);
}
