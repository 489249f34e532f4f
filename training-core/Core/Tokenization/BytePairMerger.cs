using System.Runtime.InteropServices;
using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// Merges the bytes of a piece of text, lowest rank first and of equal ranks the leftmost, until nothing merges. The work for n bytes is
/// of the order n log n, so that a word of a million letters is no way to stop a run.
/// Source: R. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016; order as in Hugging Face's tokenizers.
/// </summary>
internal sealed class BytePairMerger
{
    /// <summary>Up to this many bytes, looking at all pairs each time is faster than a queue.</summary>
    private const int ShortPiece = 96;

    private const int NoRank = int.MaxValue;

    private readonly Dictionary<ulong, (int Rank, int Merged)> _pairs;
    private readonly int[] _bytes = new int[256];

    /// <param name="vocabulary">Entries in the byte alphabet with their ids.</param>
    /// <param name="merges">Ids of left part, right part and whole, best first.</param>
    public BytePairMerger(Dictionary<string, int> vocabulary, IReadOnlyList<(int Left, int Right, int Merged)> merges)
    {
        _pairs = new Dictionary<ulong, (int, int)>(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++) { _pairs.TryAdd(Key(merges[rank].Left, merges[rank].Right), (rank, merges[rank].Merged)); }
        for (int value = 0; value < 256; value++) { _bytes[value] = vocabulary.GetValueOrDefault(ByteAlphabet.Character((byte)value).ToString(), -1); }
    }

    /// <summary>Whether the vocabulary has an entry for a byte.</summary>
    public bool Has(byte value) => _bytes[value] >= 0;

    /// <summary>The ids of a piece whose bytes are all in the vocabulary.</summary>
    public int[] Merge(ReadOnlySpan<char> piece)
    {
        int count = Encoding.UTF8.GetByteCount(piece);
        Span<byte> bytes = count <= ShortPiece ? stackalloc byte[ShortPiece] : new byte[count];
        Encoding.UTF8.GetBytes(piece, bytes);
        Span<int> ids = count <= ShortPiece ? stackalloc int[ShortPiece] : new int[count];
        ids = ids[..count];
        for (int i = 0; i < count; i++) { ids[i] = _bytes[bytes[i]]; }
        return count <= ShortPiece ? MergeShort(ids) : MergeLong(ids);
    }

    private int[] MergeShort(Span<int> ids)
    {
        Span<int> ranks = stackalloc int[ShortPiece];
        int count = ids.Length;
        for (int i = 0; i + 1 < count; i++) { ranks[i] = Rank(ids[i], ids[i + 1]); }
        while (count > 1)
        {
            int best = 0;
            for (int i = 1; i < count - 1; i++)
            {
                if (ranks[i] < ranks[best]) { best = i; }
            }

            if (ranks[best] == NoRank) { break; }
            ids[best] = Merged(ids[best], ids[best + 1]);
            count--;
            ids[(best + 2)..(count + 1)].CopyTo(ids[(best + 1)..]);
            if (best + 1 < count) { ranks[(best + 1)..count].CopyTo(ranks[best..]); }
            if (best > 0) { ranks[best - 1] = Rank(ids[best - 1], ids[best]); }
            if (best + 1 < count) { ranks[best] = Rank(ids[best], ids[best + 1]); }
        }

        return ids[..count].ToArray();
    }

    private int[] MergeLong(Span<int> ids)
    {
        int count = ids.Length;
        int[] next = new int[count], previous = new int[count];
        var queue = new PriorityQueue<int, (int Rank, int At)>(count);
        for (int i = 0; i < count; i++) { (next[i], previous[i]) = (i + 1, i - 1); }
        for (int i = 0; i + 1 < count; i++) { Offer(ids, i); }
        while (queue.TryDequeue(out int at, out var key))
        {
            // A place whose pair has changed since it was put here has been put here again.
            if (ids[at] < 0 || next[at] >= count || Rank(ids[at], ids[next[at]]) != key.Rank) { continue; }
            int right = next[at];
            ids[at] = Merged(ids[at], ids[right]);
            ids[right] = -1;
            next[at] = next[right];
            if (next[at] < count) { previous[next[at]] = at; }
            Offer(ids, at);
            if (previous[at] >= 0) { Offer(ids, previous[at]); }
        }

        var result = new List<int>();
        for (int i = 0; i < count; i = next[i]) { result.Add(ids[i]); }
        return [.. result];

        void Offer(Span<int> all, int at)
        {
            if (next[at] < count && Rank(all[at], all[next[at]]) is var rank && rank != NoRank) { queue.Enqueue(at, (rank, at)); }
        }
    }

    private int Rank(int left, int right) => _pairs.TryGetValue(Key(left, right), out var pair) ? pair.Rank : NoRank;

    private int Merged(int left, int right) => CollectionsMarshal.GetValueRefOrNullRef(_pairs, Key(left, right)).Merged;

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}
