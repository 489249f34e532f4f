using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// Merges the bytes of a piece of text, lowest rank first and of equal ranks the leftmost, until nothing merges. The work for n bytes is
/// of the order n log n, so that a word of a million letters is no way to stop a run: the library that merges ordinary words takes the square.
/// Source: R. Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", ACL 2016; order as in Hugging Face's tokenizers.
/// </summary>
internal sealed class BytePairMerger
{
    private const int NoRank = int.MaxValue;

    private readonly Dictionary<ulong, int> _ranks;
    private readonly int[] _mergedByRank;
    private readonly int[] _bytes = new int[256];

    /// <param name="vocabulary">Entries in the byte alphabet with their ids.</param>
    /// <param name="merges">Ids of left part, right part and whole, best first.</param>
    public BytePairMerger(Dictionary<string, int> vocabulary, IReadOnlyList<(int Left, int Right, int Merged)> merges)
    {
        _ranks = new Dictionary<ulong, int>(merges.Count);
        for (int rank = 0; rank < merges.Count; rank++) { _ranks.TryAdd(Key(merges[rank].Left, merges[rank].Right), rank); }
        _mergedByRank = [.. merges.Select(merge => merge.Merged)];
        for (int value = 0; value < 256; value++) { _bytes[value] = vocabulary.GetValueOrDefault(ByteAlphabet.Character((byte)value).ToString(), -1); }
    }

    /// <summary>Whether the vocabulary has an entry for a byte.</summary>
    public bool Has(byte value) => _bytes[value] >= 0;

    /// <summary>The ids of a piece whose bytes are all in the vocabulary.</summary>
    public int[] Merge(ReadOnlySpan<char> piece)
    {
        byte[] bytes = new byte[Encoding.UTF8.GetByteCount(piece)];
        Encoding.UTF8.GetBytes(piece, bytes);
        int[] ids = [.. bytes.Select(value => _bytes[value])];
        int count = ids.Length;
        int[] next = new int[count], previous = new int[count];
        var queue = new PriorityQueue<int, (int Rank, int At)>(count);
        for (int i = 0; i < count; i++) { (next[i], previous[i]) = (i + 1, i - 1); }
        for (int i = 0; i + 1 < count; i++) { Offer(i); }
        while (queue.TryDequeue(out int at, out var key))
        {
            // A place whose pair has changed since it was put here has been put here again.
            if (ids[at] < 0 || next[at] >= count || Rank(ids[at], ids[next[at]]) != key.Rank) { continue; }
            int right = next[at];
            ids[at] = _mergedByRank[key.Rank];
            ids[right] = -1;
            next[at] = next[right];
            if (next[at] < count) { previous[next[at]] = at; }
            Offer(at);
            if (previous[at] >= 0) { Offer(previous[at]); }
        }

        var result = new List<int>();
        for (int i = 0; i < count; i = next[i]) { result.Add(ids[i]); }
        return [.. result];

        void Offer(int at)
        {
            if (next[at] < count && Rank(ids[at], ids[next[at]]) is var rank && rank != NoRank) { queue.Enqueue(at, (rank, at)); }
        }
    }

    private int Rank(int left, int right) => _ranks.TryGetValue(Key(left, right), out int rank) ? rank : NoRank;

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;
}
