using Ctwa.Training.Gradients;
using Ctwa.Training.Randomness;
using Ctwa.Training.Tests.Numerics;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Gradients;

public sealed class CanonicalTreeSumTests
{
    private const int Width = 5;

    [Property(MaxTest = 400)]
    public void Any_order_of_arrival_gives_the_bits_of_the_definition(int seed, byte size)
    {
        int shards = 1 + (size % 33);
        float[][] buffers = Buffers(seed, shards);
        float[] expected = Definition([.. buffers.Select(b => (float[])b.Clone())]);
        var released = new List<int>();
        var sum = new CanonicalTreeSum(shards, (l, r) => Add(buffers, l, r), released.Add);
        foreach (int shard in Permutation(seed, shards))
        {
            Assert.False(sum.IsComplete);
            Assert.True(sum.Offer(shard));
            Assert.False(sum.Offer(shard));
        }

        Assert.True(sum.IsComplete);
        AssertBits.Equal(expected, buffers[0]);
        Assert.Equal(Enumerable.Range(1, shards - 1), released.Order());
        // A shard that is redone after its sum has moved on is still done only once.
        for (int shard = 0; shard < shards; shard++) { Assert.False(sum.Offer(shard)); }
        AssertBits.Equal(expected, buffers[0]);
    }

    [Property(MaxTest = 400)]
    public void Subtrees_summed_by_their_holders_give_the_same_bits(int seed, byte size, byte holders)
    {
        int shards = 1 + (size % 33), silos = 1 + (holders % 5);
        float[][] buffers = Buffers(seed, shards);
        float[] expected = Definition([.. buffers.Select(b => (float[])b.Clone())]);
        var nodes = new List<(int First, int Count)>();
        for (int silo = 0; silo < silos; silo++)
        {
            int first = shards * silo / silos, end = shards * (silo + 1) / silos;
            var own = CanonicalTreeSum.CompleteSubtrees(shards, first, end - first);
            Assert.Equal(Enumerable.Range(first, end - first), own.SelectMany(n => Enumerable.Range(n.First, n.Count)));
            nodes.AddRange(own);
        }

        // A holder sums a node on its own; a node is a tree of its own kind.
        foreach (var (first, count) in nodes)
        {
            var part = new CanonicalTreeSum(count, (l, r) => Add(buffers, first + l, first + r), _ => { });
            foreach (int shard in Permutation(seed + first, count)) { part.Offer(shard); }
        }

        var total = new CanonicalTreeSum(shards, (l, r) => Add(buffers, l, r), _ => { });
        foreach (int index in Permutation(seed, nodes.Count))
        {
            Assert.True(total.Offer(nodes[index].First, nodes[index].Count));
            Assert.False(total.Offer(nodes[index].First));
        }

        Assert.True(total.IsComplete);
        AssertBits.Equal(expected, buffers[0]);
    }

    [Fact]
    public void Few_buffers_wait_when_shards_arrive_in_order()
    {
        int waiting = 0, most = 0;
        var sum = new CanonicalTreeSum(64, (_, _) => { }, _ => waiting--);
        for (int shard = 0; shard < 64; shard++)
        {
            most = Math.Max(most, ++waiting);
            sum.Offer(shard);
        }

        Assert.Equal(7, most);
    }

    [Fact]
    public void Ranges_that_are_no_node_are_refused()
    {
        var sum = new CanonicalTreeSum(6, (_, _) => { }, _ => { });
        Assert.Throws<ArgumentOutOfRangeException>(() => sum.Offer(6));
        Assert.Throws<ArgumentException>(() => sum.Offer(1, 2));
        Assert.Throws<ArgumentException>(() => sum.Offer(0, 3));
        sum.Offer(1);
        Assert.Throws<InvalidOperationException>(() => sum.Offer(0, 2));
        Assert.True(sum.Offer(4, 2));
        Assert.True(sum.Offer(0));
        Assert.True(sum.Offer(2, 2));
        Assert.True(sum.IsComplete);
        Assert.Throws<ArgumentOutOfRangeException>(() => new CanonicalTreeSum(0, (_, _) => { }, _ => { }));
    }

    private static float[] Definition(float[][] level)
    {
        while (level.Length > 1)
        {
            level = [.. Enumerable.Range(0, (level.Length + 1) / 2).Select(i => 2 * i + 1 == level.Length
                ? level[2 * i]
                : [.. level[2 * i].Zip(level[(2 * i) + 1], (a, b) => a + b)])];
        }

        return level[0];
    }

    private static void Add(float[][] buffers, int left, int right)
    {
        for (int k = 0; k < Width; k++) { buffers[left][k] += buffers[right][k]; }
        // A released buffer is reused for something else.
        Array.Fill(buffers[right], float.NaN);
    }

    private static float[][] Buffers(int seed, int shards) =>
        [.. Enumerable.Range(0, shards).Select(s => Enumerable.Range(0, Width)
            .Select(k => (float)(CounterRandom.Normal(seed, RandomPurpose.Test, 0, 0, s, k) * Math.Pow(10, CounterRandom.Below(8, seed, RandomPurpose.Test, 1, 0, s, k)))).ToArray())];

    private static int[] Permutation(int seed, int count) =>
        [.. Enumerable.Range(0, count).OrderBy(i => CounterRandom.Bits(seed, RandomPurpose.Test, 2, 0, 0, i))];
}
