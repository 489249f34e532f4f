using System.Collections.Concurrent;
using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>Text without added tokens to ids: split, then byte-level BPE of each piece, remembered for pieces that return.</summary>
internal sealed class BytePairEncoder
{
    private const int RememberedPieces = 100_000;
    private const int RememberedLength = 48;

    private readonly List<ScalarSplitter> _splitters;
    private readonly BytePairMerger _merger;
    private readonly Dictionary<string, int>? _wholePieces;
    private readonly bool _hasAllBytes;
    private readonly ConcurrentDictionary<string, int[]> _remembered = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _bySpan;
    private int _rememberedCount;

    public BytePairEncoder(TokenizerDefinition definition)
    {
        _splitters = definition.Splitters;
        _merger = new BytePairMerger(definition.Vocabulary, definition.Merges);
        _wholePieces = definition.IgnoreMerges ? definition.Vocabulary : null;
        _bySpan = _remembered.GetAlternateLookup<ReadOnlySpan<char>>();
        _hasAllBytes = Enumerable.Range(0, 256).All(value => _merger.Has((byte)value));
    }

    /// <summary>Appends the ids of a text without lone surrogates.</summary>
    /// <param name="position">Where the text starts in the whole, for errors.</param>
    /// <param name="normalized">The text is not the raw one, so that errors can say so.</param>
    public void Encode(ReadOnlySpan<char> text, int position, bool normalized, List<int> ids)
    {
        if (!_hasAllBytes) { CheckExpressible(text, position, normalized); }
        foreach (int length in Split(text))
        {
            ids.AddRange(EncodePiece(text[..length]));
            text = text[length..];
        }
    }

    private List<int> Split(ReadOnlySpan<char> text)
    {
        List<int> lengths = [text.Length];
        foreach (var splitter in _splitters)
        {
            var finer = new List<int>(text.Length / 4 + 1);
            var rest = text;
            foreach (int length in lengths)
            {
                splitter.Split(rest[..length], finer);
                rest = rest[length..];
            }

            lengths = finer;
        }

        return lengths;
    }

    private int[] EncodePiece(ReadOnlySpan<char> piece)
    {
        if (_bySpan.TryGetValue(piece, out int[]? known)) { return known; }
        int[] ids = _wholePieces is not null && _wholePieces.TryGetValue(ByteAlphabet.Write(piece), out int whole) ? [whole]
            : _merger.Merge(piece);
        if (piece.Length <= RememberedLength && Volatile.Read(ref _rememberedCount) < RememberedPieces && _bySpan.TryAdd(piece, ids))
        {
            Interlocked.Increment(ref _rememberedCount);
        }

        return ids;
    }

    private void CheckExpressible(ReadOnlySpan<char> text, int position, bool normalized)
    {
        Span<byte> bytes = stackalloc byte[4];
        int index = 0;
        foreach (Rune rune in text.EnumerateRunes())
        {
            int count = rune.EncodeToUtf8(bytes);
            foreach (byte value in bytes[..count])
            {
                if (_merger.Has(value)) { continue; }
                string shown = Rune.IsControl(rune) || Rune.IsWhiteSpace(rune) ? "" : $"'{rune}' ";
                throw new UnencodableTextException(
                    $"The tokenizer cannot express the character {shown}(U+{rune.Value:X4}) at index {position + index}{(normalized ? " of the text after NFC normalization" : "")}: "
                    + $"its vocabulary lacks the byte 0x{value:X2}. Leave the character out of the texts, or use a tokenizer with all 256 bytes.",
                    position + index);
            }

            index += rune.Utf16SequenceLength;
        }
    }
}
