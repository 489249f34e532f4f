using System.Buffers;
using System.Runtime.InteropServices;

namespace Ctwa.Training.Tokenization;

/// <summary>A token that is matched in the text itself, before BPE. <c>Special</c> ones are dropped when decoding asks for it.</summary>
/// <param name="Normalized">Matched in the normalized text, after the others were cut out of the raw text.</param>
internal sealed record AddedToken(int Id, string Content, bool Special, bool Normalized);

/// <summary>Finds added tokens in a text: leftmost first, and of those that start at one place the longest.</summary>
internal sealed class AddedTokenCutter
{
    private readonly Dictionary<char, (string Content, int Id)[]> _byFirstCharacter;
    private readonly SearchValues<char> _firstCharacters;

    public AddedTokenCutter(IEnumerable<(string Content, int Id)> tokens)
    {
        _byFirstCharacter = tokens.GroupBy(token => token.Content[0]).ToDictionary(
            group => group.Key,
            group => group.OrderByDescending(token => token.Content.Length).ToArray());
        _firstCharacters = SearchValues.Create(CollectionsMarshal.AsSpan(_byFirstCharacter.Keys.ToList()));
    }

    /// <summary>The first added token at or after <paramref name="from"/>; false if there is none.</summary>
    public bool TryFind(ReadOnlySpan<char> text, int from, out int start, out int length, out int id)
    {
        for (start = from; start < text.Length; start++)
        {
            int skip = text[start..].IndexOfAny(_firstCharacters);
            if (skip < 0) { break; }
            start += skip;
            foreach (var (content, tokenId) in _byFirstCharacter[text[start]])
            {
                if (text[start..].StartsWith(content, StringComparison.Ordinal))
                {
                    (length, id) = (content.Length, tokenId);
                    return true;
                }
            }
        }

        (start, length, id) = (text.Length, 0, -1);
        return false;
    }
}
