using System.Buffers;
using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>Token ids to text: the bytes of consecutive BPE entries are joined before they are read as UTF-8.</summary>
internal sealed class TokenDecoder
{
    private const char Replacement = '\uFFFD';
    private readonly byte[]?[] _bytes;
    private readonly Dictionary<int, AddedToken> _added;

    /// <param name="tokens">Token of each id as the file writes it, null where an id names none.</param>
    /// <param name="added">Those of them that are text, not bytes.</param>
    public TokenDecoder(string?[] tokens, IEnumerable<AddedToken> added)
    {
        _added = added.ToDictionary(token => token.Id);
        _bytes = [.. tokens.Select((token, id) => token is null || _added.ContainsKey(id) ? null : ByteAlphabet.BytesOf(token))];
    }

    public string Decode(ReadOnlySpan<int> ids, bool skipSpecial)
    {
        var text = new StringBuilder();
        var run = new ArrayBufferWriter<byte>(4 * ids.Length + 4);
        foreach (int id in ids)
        {
            ArgumentOutOfRangeException.ThrowIfNegative(id, nameof(ids));
            if (id < _bytes.Length && _bytes[id] is { } bytes)
            {
                run.Write(bytes);
                continue;
            }

            bool added = _added.TryGetValue(id, out var token);
            if (added && skipSpecial && token!.Special) { continue; }
            Flush();
            if (added) { text.Append(token!.Content); } else { text.Append(Replacement); }
        }

        Flush();
        return text.ToString();

        void Flush()
        {
            // .NET replaces ill-formed bytes by maximal subparts, as the Unicode standard recommends (section 3.9).
            text.Append(Encoding.UTF8.GetString(run.WrittenSpan));
            run.ResetWrittenCount();
        }
    }
}
