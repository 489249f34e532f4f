namespace Ctwa.Training.Steps;

/// <summary>
/// Divides sequences into parts of nearly equal token counts. The largest differencing method of Karmarkar and Karp
/// (1982) as in verl's <c>seqlen_balancing</c>; ties are broken by the sequences' indices, so the result is a function of the lengths.
/// </summary>
public static class SequenceLengthBalancing
{
    /// <summary>Parts as the differencing method leaves them: not sorted, possibly empty.</summary>
    /// <param name="lengths">Tokens of each sequence.</param>
    /// <param name="parts">Number of parts.</param>
    /// <param name="equalSize">Every part has the same number of sequences.</param>
    /// <returns>Indices of sequences, [parts].</returns>
    /// <exception cref="ArgumentException">Equal sizes are asked for and the number of sequences is no multiple of the parts.</exception>
    public static int[][] KarmarkarKarp(ReadOnlySpan<int> lengths, int parts, bool equalSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parts);
        if (equalSize && lengths.Length % parts != 0) { throw new ArgumentException($"{lengths.Length} sequences do not divide into {parts} parts of equal size; give a multiple.", nameof(lengths)); }
        if (lengths.IsEmpty) { return [.. Enumerable.Range(0, parts).Select(_ => Array.Empty<int>())]; }
        int[] copy = lengths.ToArray();
        int[] ascending = [.. Enumerable.Range(0, copy.Length).OrderBy(i => copy[i]).ThenBy(i => i)];
        var queue = new PriorityQueue<Division, Division>(Comparer<Division>.Create(Division.Compare));
        foreach (int[] chunk in ascending.Chunk(equalSize ? parts : 1))
        {
            var division = new Division([.. chunk.Select(i => new Part(copy[i], [(i, copy[i])]))], parts);
            queue.Enqueue(division, division);
        }

        while (queue.Count > 1)
        {
            var merged = queue.Dequeue().Merge(queue.Dequeue());
            queue.Enqueue(merged, merged);
        }

        return [.. queue.Dequeue().Parts.Select(part => part.Items.Select(item => item.Index).ToArray())];
    }

    /// <summary>The same with indices in ascending order and no empty part.</summary>
    /// <exception cref="ArgumentException">There are fewer sequences than parts, or a part is empty (lengths of 0).</exception>
    public static int[][] Balanced(ReadOnlySpan<int> lengths, int parts, bool equalSize)
    {
        if (lengths.Length < parts) { throw new ArgumentException($"{lengths.Length} sequences cannot fill {parts} parts; give at least one per part.", nameof(lengths)); }
        int[][] divided = KarmarkarKarp(lengths, parts, equalSize);
        if (divided.Any(part => part.Length == 0)) { throw new ArgumentException("a part has no sequence, because of lengths of 0; give fewer parts.", nameof(lengths)); }
        return [.. divided.Select(part => part.Order().ToArray())];
    }

    /// <summary>Each sequence in turn to the part that is the smallest so far: faster and less balanced.</summary>
    /// <exception cref="ArgumentException">Equal sizes are asked for and cannot be.</exception>
    public static int[][] Greedy(ReadOnlySpan<int> lengths, int parts, bool equalSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(parts);
        if (equalSize && lengths.Length % parts != 0) { throw new ArgumentException($"{lengths.Length} sequences do not divide into {parts} parts of equal size; give a multiple.", nameof(lengths)); }

        // A bias above every possible sum makes the number of sequences decide first.
        long bias = 1;
        foreach (int length in lengths) { bias += length; }
        long[] sums = new long[parts];
        List<int>[] divided = [.. Enumerable.Range(0, parts).Select(_ => new List<int>())];
        for (int i = 0; i < lengths.Length; i++)
        {
            int smallest = 0;
            for (int part = 1; part < parts; part++) { smallest = sums[part] < sums[smallest] ? part : smallest; }
            divided[smallest].Add(i);
            sums[smallest] += lengths[i] + (equalSize ? bias : 0);
        }

        return [.. divided.Select(part => part.ToArray())];
    }

    /// <summary>Micro-batches of at most about <paramref name="maxTokens"/> tokens.</summary>
    /// <param name="byWork">Largest sum of squared lengths first (about the cost of attention), so that long micro-batches start early.</param>
    /// <exception cref="ArgumentException">A sequence is longer than a micro-batch may be.</exception>
    public static int[][] MicroBatches(ReadOnlySpan<int> lengths, int maxTokens, bool byWork)
    {
        long total = 0;
        foreach (int length in lengths)
        {
            if (length > maxTokens) { throw new ArgumentException($"a sequence has {length} tokens, a micro-batch may have {maxTokens}; raise the limit.", nameof(maxTokens)); }
            total += length;
        }

        int[] copy = lengths.ToArray();
        int[][] batches = Balanced(lengths, (int)Math.Min(lengths.Length, CeilingDivision(total, maxTokens)), equalSize: false);
        return byWork ? [.. batches.OrderByDescending(batch => batch.Sum(i => (long)copy[i] * copy[i])).ThenByDescending(batch => batch[0])] : batches;
    }

    /// <summary>Where each sequence went when parts are laid end to end.</summary>
    public static int[] ReverseIndex(IReadOnlyList<int[]> parts)
    {
        int[] order = [.. parts.SelectMany(part => part)], reverse = new int[order.Length];
        for (int i = 0; i < order.Length; i++) { reverse[order[i]] = i; }
        return reverse;
    }

    /// <summary>⌈left / right⌉, also of negative numbers.</summary>
    public static long CeilingDivision(long left, long right) => -(long)Math.Floor((decimal)-left / right);

    /// <summary>Smallest multiple of <paramref name="right"/> that is not below <paramref name="left"/>.</summary>
    public static long RoundUp(long left, long right) => CeilingDivision(left, right) * right;

    /// <summary>Sequences of one part and their sum.</summary>
    private sealed record Part(long Sum, List<(int Index, int Length)> Items)
    {
        public Part Join(Part other) => new(Sum + other.Sum, [.. Items, .. other.Items]);

        public static int Compare(Part left, Part right)
        {
            int order = left.Sum.CompareTo(right.Sum);
            if (order == 0) { order = left.Items.Count.CompareTo(right.Items.Count); }
            for (int i = 0; order == 0 && i < left.Items.Count; i++) { order = left.Items[i].CompareTo(right.Items[i]); }
            return order;
        }
    }

    /// <summary>A division of some of the sequences into all parts, largest part first.</summary>
    private sealed class Division
    {
        public Division(Part[] parts, int count) => Parts = Sorted([.. parts, .. Enumerable.Repeat(new Part(0, []), count - parts.Length)]);

        public Part[] Parts { get; }

        private long Spread => Parts[0].Sum - Parts[^1].Sum;

        /// <summary>The largest of one with the smallest of the other, and so on.</summary>
        public Division Merge(Division other) => new([.. Parts.Select((part, i) => part.Join(other.Parts[Parts.Length - 1 - i]))], Parts.Length);

        /// <summary>Largest spread first, then largest part first.</summary>
        public static int Compare(Division left, Division right) =>
            left.Spread != right.Spread ? right.Spread.CompareTo(left.Spread) : Part.Compare(right.Parts[0], left.Parts[0]);

        // Stable, so that equal (empty) parts keep their order.
        private static Part[] Sorted(Part[] parts) => [.. parts.OrderByDescending(part => part, Comparer<Part>.Create(Part.Compare))];
    }
}
