using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.Training.Tokenization;
using Microsoft.ML.Tokenizers;

namespace Ctwa.Bench.Tokenization;

/// <summary>A tokenizer in a comparison, each with its own type of ids so that none pays for a conversion.</summary>
/// <param name="Key">End of its lines' keys.</param>
/// <param name="Name">With its version.</param>
/// <param name="Encode">Encodes a text; what it gives is kept from being optimized away by the caller.</param>
/// <param name="Ids">Ids of a text.</param>
/// <param name="Decoder">Prepares the decoding of ids, special tokens left out: Hugging Face's binding knows no other way.</param>
internal sealed record TokenizerContestant(string Key, string Name, Func<string, object> Encode, Func<string, int[]> Ids, Func<int[], Func<string>> Decoder)
{
    /// <summary>Public ones, each with what loads it from a tokenizer.json.</summary>
    public static IReadOnlyList<Func<string, TokenizerContestant>> Public { get; } = [HuggingFace, MicrosoftBytePair, MicrosoftTiktoken];

    /// <summary>This repository's.</summary>
    public static TokenizerContestant Ours(string file)
    {
        var tokenizer = HuggingFaceTokenizer.Load(file);
        return new("ours", "ours", tokenizer.Encode, tokenizer.Encode, ids => () => tokenizer.Decode(ids, skipSpecial: true));
    }

    /// <summary>Hugging Face's tokenizers, in Rust, through Tokenizers.DotNet.</summary>
    private static TokenizerContestant HuggingFace(string file)
    {
        var tokenizer = new global::Tokenizers.DotNet.Tokenizer(file);
        return new("huggingface", $"Hugging Face tokenizers (Rust, Tokenizers.DotNet {tokenizer.GetVersion().Trim()})", tokenizer.Encode, text => [.. tokenizer.Encode(text).Select(id => (int)id)], ids =>
        {
            uint[] own = [.. ids.Select(id => (uint)id)];
            return () => tokenizer.Decode(own);
        });
    }

    /// <summary>Microsoft.ML.Tokenizers' BPE with the file's vocabulary, merges, pattern and added tokens.</summary>
    /// <exception cref="NotSupportedException">The file asks for something that it cannot be given.</exception>
    private static TokenizerContestant MicrosoftBytePair(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var root = document.RootElement;
        var model = root.GetProperty("model");
        var added = Added(root);
        var tokenizer = BpeTokenizer.Create(new BpeOptions(model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32(), StringComparer.Ordinal))
        {
            Merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String ? merge.GetString()! : string.Join(' ', merge.EnumerateArray().Select(part => part.GetString()))),
            ByteLevel = true,
            SpecialTokens = added,
            PreTokenizer = new RegexPreTokenizer(Pattern(root), added),
            Normalizer = NormalizerOf(root),
        });
        return new("ml_bpe", $"Microsoft.ML.Tokenizers {Version}, BPE", text => tokenizer.EncodeToIds(text), text => [.. tokenizer.EncodeToIds(text)], ids => () => tokenizer.Decode(ids, considerSpecialTokens: false)!);
    }

    /// <summary>Microsoft.ML.Tokenizers' form of tiktoken: ids are ranks, so it suits files whose merges make their vocabulary in its order, such as Qwen's.</summary>
    /// <exception cref="NotSupportedException">The file asks for something that it cannot be given.</exception>
    private static TokenizerContestant MicrosoftTiktoken(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var root = document.RootElement;
        var added = Added(root);
        var ranks = new StringBuilder();
        foreach (var entry in root.GetProperty("model").GetProperty("vocab").EnumerateObject().OrderBy(entry => entry.Value.GetInt32()))
        {
            ranks.Append(Convert.ToBase64String(ByteAlphabet.BytesOf(entry.Name))).Append(' ').Append(entry.Value.GetInt32()).Append('\n');
        }

        using var stream = new MemoryStream(Encoding.UTF8.GetBytes(ranks.ToString()));
        var tokenizer = TiktokenTokenizer.Create(stream, new RegexPreTokenizer(Pattern(root), added), NormalizerOf(root), added);
        // Decoding it knows no special tokens to leave out, so they are left out before.
        return new("ml_tiktoken", $"Microsoft.ML.Tokenizers {Version}, Tiktoken", text => tokenizer.EncodeToIds(text), text => [.. tokenizer.EncodeToIds(text)], ids =>
        {
            int[] plain = [.. ids.Where(id => !added.ContainsValue(id))];
            return () => tokenizer.Decode(plain)!;
        });
    }

    private static string Version => typeof(BpeTokenizer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    private static Dictionary<string, int> Added(JsonElement root) => root.GetProperty("added_tokens").EnumerateArray()
        .ToDictionary(token => token.GetProperty("content").GetString()!, token => token.GetProperty("id").GetInt32(), StringComparer.Ordinal);

    private static Nfc? NormalizerOf(JsonElement root) => root.TryGetProperty("normalizer", out var normalizer) && normalizer.ValueKind == JsonValueKind.Object ? new Nfc(normalizer) : null;

    private static Regex Pattern(JsonElement root)
    {
        var pre = root.GetProperty("pre_tokenizer");
        JsonElement[] parts = pre.TryGetProperty("pretokenizers", out var several) ? [.. several.EnumerateArray()] : [pre];
        JsonElement[] splits = [.. parts.Where(part => part.GetProperty("type").GetString() == "Split")];
        return splits is [var split] && split.GetProperty("pattern").TryGetProperty("Regex", out var regex)
            ? new Regex(regex.GetString()!, RegexOptions.Compiled | RegexOptions.CultureInvariant)
            : throw new NotSupportedException($"its pre-tokenizer takes one pattern; the file has {splits.Length} splits");
    }

    private sealed class Nfc : Normalizer
    {
        public Nfc(JsonElement normalizer)
        {
            if (normalizer.GetProperty("type").GetString() is var type and not "NFC") { throw new NotSupportedException($"the file's normalizer is {type}"); }
        }

        public override string Normalize(string original) => original.IsNormalized(NormalizationForm.FormC) ? original : original.Normalize(NormalizationForm.FormC);

        public override string Normalize(ReadOnlySpan<char> original) => Normalize(original.ToString());
    }
}
