using System.Reflection;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Ctwa.Training.Tokenization;
using Microsoft.ML.Tokenizers;

namespace Ctwa.Bench.Tokenization;

/// <summary>A tokenizer in a comparison, each with its own type of ids so that none pays for a conversion.</summary>
/// <param name="Name">With its version.</param>
/// <param name="Encode">Encodes a text; what it gives is kept from being optimized away by the caller.</param>
/// <param name="Ids">Ids of a text.</param>
/// <param name="Decoder">Prepares the decoding of ids.</param>
internal sealed record TokenizerContestant(string Name, Func<string, object> Encode, Func<string, int[]> Ids, Func<int[], Func<string>> Decoder)
{
    /// <summary>This repository's.</summary>
    public static TokenizerContestant Ours(string file)
    {
        var tokenizer = HuggingFaceTokenizer.Load(file);
        return new("ours", tokenizer.Encode, tokenizer.Encode, ids => () => tokenizer.Decode(ids));
    }

    /// <summary>Hugging Face's tokenizers, in Rust, through Tokenizers.DotNet.</summary>
    public static TokenizerContestant HuggingFace(string file)
    {
        var tokenizer = new global::Tokenizers.DotNet.Tokenizer(file);
        return new($"Hugging Face tokenizers (Rust, Tokenizers.DotNet {tokenizer.GetVersion().Trim()})", tokenizer.Encode, text => [.. tokenizer.Encode(text).Select(id => (int)id)], ids =>
        {
            uint[] own = [.. ids.Select(id => (uint)id)];
            return () => tokenizer.Decode(own);
        });
    }

    /// <summary>Microsoft.ML.Tokenizers' BPE with the file's vocabulary, merges, pattern and added tokens.</summary>
    /// <exception cref="NotSupportedException">The file asks for something that it cannot be given.</exception>
    public static TokenizerContestant MicrosoftMl(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(file));
        var root = document.RootElement;
        var model = root.GetProperty("model");
        var vocabulary = model.GetProperty("vocab").EnumerateObject().ToDictionary(entry => entry.Name, entry => entry.Value.GetInt32(), StringComparer.Ordinal);
        var added = root.GetProperty("added_tokens").EnumerateArray().ToDictionary(token => token.GetProperty("content").GetString()!, token => token.GetProperty("id").GetInt32(), StringComparer.Ordinal);
        var tokenizer = BpeTokenizer.Create(new BpeOptions(vocabulary)
        {
            Merges = model.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.String ? merge.GetString()! : string.Join(' ', merge.EnumerateArray().Select(part => part.GetString()))),
            ByteLevel = true,
            SpecialTokens = added,
            PreTokenizer = new RegexPreTokenizer(new Regex(Pattern(root), RegexOptions.Compiled | RegexOptions.CultureInvariant), added),
            Normalizer = root.TryGetProperty("normalizer", out var normalizer) && normalizer.ValueKind == JsonValueKind.Object ? new Nfc(normalizer) : null,
        });
        string version = typeof(BpeTokenizer).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];
        return new($"Microsoft.ML.Tokenizers {version}", text => tokenizer.EncodeToIds(text), text => [.. tokenizer.EncodeToIds(text)], ids => () => tokenizer.Decode(ids)!);
    }

    private static string Pattern(JsonElement root)
    {
        var pre = root.GetProperty("pre_tokenizer");
        JsonElement[] parts = pre.TryGetProperty("pretokenizers", out var several) ? [.. several.EnumerateArray()] : [pre];
        JsonElement[] splits = [.. parts.Where(part => part.GetProperty("type").GetString() == "Split")];
        return splits is [var split] && split.GetProperty("pattern").TryGetProperty("Regex", out var regex)
            ? regex.GetString()!
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
