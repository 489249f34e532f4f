using System.Collections.Immutable;
using System.Text;
using Ctwa.Training.Tokenization.Chat;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// Text to token ids and back, as a Hugging Face tokenizer.json of a byte-level BPE says (Qwen, Llama 3, GPT-2 and their like).
/// Encoding: added tokens are cut out of the raw text, leftmost and longest first; each remaining piece is normalized to NFC if the file
/// says so, split by the pre-tokenizer over Unicode scalars, and merged by rank. No begin or end token is added.
/// Safe for concurrent use.
/// </summary>
public sealed class HuggingFaceTokenizer
{
    private const string FileName = "tokenizer.json";
    private const int MaxBytes = 64 << 20;

    private readonly string _path;
    private readonly byte[] _file;
    private readonly byte[]? _config;
    private readonly byte[]? _chatTemplate;
    private readonly bool _normalizesToNfc;
    private readonly AddedTokenCutter _rawCutter;
    private readonly AddedTokenCutter _normalizedCutter;
    private readonly BytePairEncoder _encoder;
    private readonly TokenDecoder _decoder;
    private readonly Dictionary<string, int> _ids;
    private readonly string?[] _tokens;

    private HuggingFaceTokenizer(string path, byte[] file, byte[]? configFile, byte[]? chatTemplate)
    {
        var definition = TokenizerFile.Read(path, file);
        var config = configFile is null ? null : TokenizerConfigFile.Read(ConfigBeside(path), configFile);
        if (definition.NormalizesToNfc && "e\u0301".Normalize(NormalizationForm.FormC) != "\u00E9")
        {
            throw new InvalidOperationException(
                "This process has no Unicode data (invariant globalization), so texts would be tokenized unnormalized; install libicu and leave InvariantGlobalization off.");
        }

        (_path, _file, _config, _chatTemplate, _normalizesToNfc) = (path, file, configFile, chatTemplate, definition.NormalizesToNfc);
        _ids = new Dictionary<string, int>(definition.Vocabulary, StringComparer.Ordinal);
        foreach (var added in definition.AddedTokens) { _ids[added.Content] = added.Id; }
        _tokens = new string?[_ids.Values.Max() + 1];
        foreach (var (token, id) in _ids) { _tokens[id] = token; }

        var cut = definition.AddedTokens.ToLookup(added => added.Normalized, added => (added.Content, added.Id));
        _rawCutter = new AddedTokenCutter(cut[false]);
        _normalizedCutter = new AddedTokenCutter(cut[true].Select(added => (Normalize(added.Content), added.Id)));
        _encoder = new BytePairEncoder(definition);
        _decoder = new TokenDecoder(_tokens, definition.AddedTokens);

        int? end = IdNamed(config?.EndToken, "eos_token");
        EndOfTextIds = end is { } only ? [only] : [];
        PaddingId = IdNamed(config?.PaddingToken, "pad_token") ?? end;
    }

    /// <summary>Largest id + 1. A model's vocabulary may be larger (padded), never smaller.</summary>
    public int VocabularySize => _tokens.Length;

    /// <summary>Ids that end a text: the eos_token of the tokenizer_config.json beside the file; empty without one.</summary>
    public ImmutableArray<int> EndOfTextIds { get; }

    /// <summary>Id to fill batches with: the pad_token of the tokenizer_config.json, else its eos_token; null without either.</summary>
    public int? PaddingId { get; }

    /// <summary>Reads a tokenizer.json, and the tokenizer_config.json and chat_template.jinja beside it if there are such.</summary>
    /// <param name="path">The file, or the folder that holds it.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="InvalidDataException">A file is damaged, contradicts itself, or asks for something that is not supported; the message says which.</exception>
    public static HuggingFaceTokenizer Load(string path)
    {
        if (Directory.Exists(path)) { path = Path.Combine(path, FileName); }
        if (!File.Exists(path)) { throw new FileNotFoundException($"There is no tokenizer at {path}; give a tokenizer.json or the folder of a model that has one.", path); }
        string config = ConfigBeside(path), chatTemplate = Path.Combine(Path.GetDirectoryName(config)!, ChatTemplateFiles.FileName);
        return new HuggingFaceTokenizer(path, Bytes(path), File.Exists(config) ? Bytes(config) : null, File.Exists(chatTemplate) ? Bytes(chatTemplate) : null);
    }

    /// <summary>The token ids of a text.</summary>
    /// <exception cref="UnencodableTextException">The vocabulary lacks a byte of a character of the text, or the text holds a lone surrogate.</exception>
    public int[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        CheckSurrogates(text);
        var ids = new List<int>(text.Length / 3 + 1);
        for (int at = 0; at < text.Length;)
        {
            bool found = _rawCutter.TryFind(text, at, out int start, out int length, out int id);
            if (start > at) { EncodePiece(text, at, start - at, ids); }
            if (found) { ids.Add(id); }
            at = start + length;
        }

        return [.. ids];
    }

    /// <summary>
    /// The text of token ids. Bytes that are not UTF-8 become U+FFFD by maximal subparts, and an added token ends a run of bytes.
    /// An id that names no token (a model's vocabulary may be padded) becomes U+FFFD too, so that it shows.
    /// </summary>
    /// <param name="ids">Token ids.</param>
    /// <param name="skipSpecial">Leave out added tokens that the file marks as special.</param>
    /// <exception cref="ArgumentOutOfRangeException">An id is negative.</exception>
    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial = false) => _decoder.Decode(ids, skipSpecial);

    /// <summary>The id of a token as the file writes it (in the byte alphabet, unless it is an added token); null if it has none.</summary>
    public int? IdOf(string token) => _ids.TryGetValue(token, out int id) ? id : null;

    /// <summary>The token of an id as the file writes it; null if the id names none.</summary>
    public string? TokenOf(int id) => (uint)id < (uint)_tokens.Length ? _tokens[id] : null;

    /// <summary>Puts the files into a folder byte for byte as they were when loaded: tokenizer.json, and tokenizer_config.json and chat_template.jinja if there were such.</summary>
    public void CopyTo(string folder)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllBytes(Path.Combine(folder, FileName), _file);
        if (_config is not null) { File.WriteAllBytes(Path.Combine(folder, TokenizerConfigFile.FileName), _config); }
        if (_chatTemplate is not null) { File.WriteAllBytes(Path.Combine(folder, ChatTemplateFiles.FileName), _chatTemplate); }
    }

    private static byte[] Bytes(string path)
    {
        long length = new FileInfo(path).Length;
        return length <= MaxBytes ? File.ReadAllBytes(path) : throw new InvalidDataException($"{path} is {length} bytes long; at most {MaxBytes} are read.");
    }

    private void EncodePiece(string text, int start, int length, List<int> ids)
    {
        string raw = text.Substring(start, length);
        string piece = Normalize(raw);
        bool changed = !string.Equals(raw, piece, StringComparison.Ordinal);
        for (int at = 0; at < piece.Length;)
        {
            bool found = _normalizedCutter.TryFind(piece, at, out int next, out int matched, out int id);
            if (next > at) { _encoder.Encode(piece.AsSpan(at, next - at), start + at, changed, ids); }
            if (found) { ids.Add(id); }
            at = next + matched;
        }
    }

    private string Normalize(string text) => _normalizesToNfc ? text.Normalize(NormalizationForm.FormC) : text;

    private int? IdNamed(string? token, string name) => token is null ? null
        : IdOf(token) ?? throw new InvalidDataException($"{ConfigBeside(_path)}: {name} is \"{token}\", which is no token of {_path}.");

    private static string ConfigBeside(string path) => Path.Combine(Path.GetDirectoryName(Path.GetFullPath(path))!, TokenizerConfigFile.FileName);

    private static void CheckSurrogates(string text)
    {
        for (int i = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF'); i >= 0 && i < text.Length; i++)
        {
            if (!char.IsSurrogate(text[i])) { continue; }
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1]))
            {
                throw new UnencodableTextException($"The text holds half a surrogate pair (U+{(int)text[i]:X4}) at index {i}, which is no character; mend the source of the text.", i);
            }

            i++;
        }
    }
}
