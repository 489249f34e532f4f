namespace Ctwa.Training.Tokenization;

/// <summary>
/// Text of token ids as they come. What it hands out is final: bytes of a character that is not complete yet wait for the next
/// token. All it hands out together is what <see cref="HuggingFaceTokenizer.Decode"/> makes of all ids.
/// </summary>
public sealed class IncrementalDecoder(HuggingFaceTokenizer tokenizer, bool skipSpecial = true)
{
    /// <summary>What an incomplete character decodes to; it is always a single one at the end.</summary>
    private const char Replacement = '\uFFFD';

    /// <summary>Ids since the last place at which bytes and characters ended together.</summary>
    private readonly List<int> _pending = [];

    /// <summary>Characters of the pending ids that were handed out.</summary>
    private int _handedOut;

    /// <summary>The text that has become final with this id; may be empty.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The id is negative.</exception>
    public string Push(int id)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(id);
        _pending.Add(id);
        string text = Decode();
        bool waits = text.EndsWith(Replacement);
        string final = text[_handedOut..(waits ? ^1 : ^0)];
        _handedOut += final.Length;
        if (!waits) { Clear(); }
        return final;
    }

    /// <summary>The rest: an incomplete character shows as U+FFFD. The decoder can then be used again.</summary>
    public string Finish()
    {
        string rest = Decode()[_handedOut..];
        Clear();
        return rest;
    }

    private string Decode() => tokenizer.Decode(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_pending), skipSpecial);

    private void Clear()
    {
        _pending.Clear();
        _handedOut = 0;
    }
}
