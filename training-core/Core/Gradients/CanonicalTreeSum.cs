namespace Ctwa.Training.Gradients;

/// <summary>
/// Sums one buffer per shard in the fixed pairwise binary tree over shard indices (invariant I2; an odd node passes
/// up): the same float bits for any order of arrival. Siblings are added as soon as both are there, so few buffers
/// wait. A node is named by its first shard and lives in that shard's buffer; the total ends in buffer 0.
/// Not thread-safe: it belongs to one lane.
/// </summary>
/// <param name="shards">Number of shards S.</param>
/// <param name="addInto">Called with (left, right): do <c>buffer[left] += buffer[right]</c> in place.</param>
/// <param name="release">Called with a shard whose buffer is no longer needed.</param>
public sealed class CanonicalTreeSum(int shards, Action<int, int> addInto, Action<int> release)
{
    // complete[level][node]: the node's sum exists or has gone into its parent.
    private readonly bool[][] complete = Levels(shards);

    /// <summary>True once buffer 0 holds the sum of all shards.</summary>
    public bool IsComplete => complete[^1][0];

    /// <summary>Takes a shard's result and does every addition that has become possible.</summary>
    /// <returns>False if it had been taken before: then nothing is read and nothing is released, so doing a shard twice is doing it once (invariant I5).</returns>
    /// <exception cref="ArgumentOutOfRangeException">No such shard.</exception>
    public bool Offer(int shard) => Offer(shard, 1);

    /// <summary>Takes the sum of a complete subtree, made elsewhere in the same tree (<see cref="CompleteSubtrees"/>).</summary>
    /// <param name="first">First shard, whose buffer holds the sum.</param>
    /// <param name="count">Shards under the node.</param>
    /// <exception cref="ArgumentException">The range is no node of the tree.</exception>
    /// <exception cref="InvalidOperationException">A part of the subtree has been taken on its own before; offer the missing shards one by one.</exception>
    public bool Offer(int first, int count)
    {
        var (level, node) = Find(first, count);
        for (int up = level; up < complete.Length; up++)
        {
            if (complete[up][node >> (up - level)]) { return false; }
        }

        for (int down = level - 1; down >= 0; down--)
        {
            int from = node << (level - down), to = Math.Min((node + 1) << (level - down), complete[down].Length);
            if (complete[down].AsSpan(from, to - from).Contains(true))
            {
                throw new InvalidOperationException($"shards {first}..{first + count - 1} were offered as one sum, but some of them have been offered on their own; offer the missing ones one by one.");
            }
        }

        complete[level][node] = true;
        while (level < complete.Length - 1)
        {
            int sibling = node ^ 1;
            if (sibling < complete[level].Length)
            {
                if (!complete[level][sibling]) { break; }
                int left = (node & ~1) << level, right = (node | 1) << level;
                addInto(left, right);
                release(right);
            }

            level++;
            node >>= 1;
            complete[level][node] = true;
        }

        return true;
    }

    /// <summary>True if buffer <paramref name="first"/> holds the sum of exactly this node.</summary>
    /// <exception cref="ArgumentException">The range is no node of the tree.</exception>
    public bool Holds(int first, int count)
    {
        var (level, node) = Find(first, count);
        // An odd node passes up: the same shards, and the same buffer, under several names.
        while (level + 1 < complete.Length && (node ^ 1) >= complete[level].Length) { (level, node) = (level + 1, node >> 1); }
        return complete[level][node] && (level + 1 == complete.Length || !complete[level + 1][node >> 1]);
    }

    /// <summary>The largest nodes of the tree within a contiguous range of shards: what its holder may sum before sending.</summary>
    /// <param name="shards">Number of shards S of the whole tree.</param>
    /// <param name="first">First shard of the range.</param>
    /// <param name="count">Length of the range.</param>
    /// <returns>Nodes from left to right as (first shard, number of shards).</returns>
    public static IReadOnlyList<(int First, int Count)> CompleteSubtrees(int shards, int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first + count, shards);
        var nodes = new List<(int First, int Count)>();
        for (int at = first; at < first + count;)
        {
            int best = 1;
            for (long width = 2; at % width == 0 && width / 2 < shards; width *= 2)
            {
                int size = (int)Math.Min(width, shards - at);
                if (at + size <= first + count) { best = size; }
            }

            nodes.Add((at, best));
            at += best;
        }

        return nodes;
    }

    private (int Level, int Node) Find(int first, int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(first);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(first, shards);
        for (int level = 0; level < complete.Length; level++)
        {
            if (first % (1L << level) == 0 && Math.Min(1L << level, shards - first) == count) { return (level, first >> level); }
        }

        throw new ArgumentException($"shards {first}..{first + count - 1} are no node of the tree over {shards} shards.", nameof(count));
    }

    private static bool[][] Levels(int shards)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(shards, 1);
        var levels = new List<bool[]>();
        for (int width = shards; ; width = (width + 1) / 2)
        {
            levels.Add(new bool[width]);
            if (width == 1) { return [.. levels]; }
        }
    }
}
