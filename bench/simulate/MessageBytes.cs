using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;

namespace Ctwa.Bench.Simulate;

/// <summary>Bytes of messages that grow with the grid or the job, as Orleans' serializer writes them.</summary>
internal sealed class MessageBytes
{
    private readonly Serializer _serializer = new ServiceCollection().AddSerializer().BuildServiceProvider().GetRequiredService<Serializer>();

    /// <summary>What a slice's primary is told: every node of the tree, by its silo's address.</summary>
    public int Collect(int nodes) => Of<SliceWork>(new CollectWork("collect/1/1/0/0/0", new UpdateKey(1, 1, 0, 0), 3, false, [.. Enumerable.Range(0, nodes).Select(node => new GradientNode(node, 1, Silo(node)))], null));

    /// <summary>What every silo is told after an update: holder and hash of every slice.</summary>
    public int Publish(int slices, int silos) => Of<MemberWork>(new PublishWork("publish/1/1", 1, [.. Enumerable.Range(0, slices).Select(slice => new PublishedSlice(Silo(slice % silos), Hash(slice)))], false));

    /// <summary>What a shard is told: numbers for each of its answers, once per objective whose gradient is kept apart.</summary>
    public int Policy(int answers, int rows) => Of<ShardWork>(new PolicyWork(
        "policy/1/1/0/0/0", new UpdateKey(1, 1, 0, 0), new RolloutKey(2, 1), 0, 1,
        [.. Enumerable.Range(0, rows).Select(row => new AdvantageMessage([.. Enumerable.Range(0, answers).Select(i => (i - 7.5) / (row + 1.1))], [.. Enumerable.Range(100, answers)], [.. Enumerable.Repeat(true, answers)], 1, 0.1, 1.2, false, 0, [], []))],
        new RowsMessage(null, true, false, false, false), 18_000_000, 160_000, false));

    /// <summary>The smallest number for which a message is larger than so many bytes.</summary>
    public static int First(Func<int, int> bytes, int limit)
    {
        int low = 1, high = 1;
        while (bytes(high) <= limit) { (low, high) = (high, high * 2); }
        while (high - low > 1)
        {
            int middle = (low + high) / 2;
            (low, high) = bytes(middle) <= limit ? (middle, high) : (low, middle);
        }

        return high;
    }

    private int Of<T>(T message) => _serializer.SerializeToArray(message).Length;

    private static ulong Hash(int slice) => ((ulong)slice + 1) * 0x9E3779B97F4A7C15;

    private static string Silo(int number) => FormattableString.Invariant($"10.0.{number / 250}.{(number % 250) + 1}:11111@{140_000_000 + (number * 7)}");
}
