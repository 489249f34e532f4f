using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Randomness;
using Ctwa.Training.Steps;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

public sealed class SequenceLengthBalancingTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_partition_equals_the_reference()
    {
        var seen = new HashSet<string>();
        foreach (var one in GoldenFolder.ReferenceCases("seqlen_balancing"))
        {
            var inputs = one.GetProperty("inputs");
            var outputs = one.GetProperty("outputs");
            string name = one.GetProperty("name").GetString()!, function = inputs.GetProperty("fn").GetString()!;
            seen.Add(function);
            switch (function)
            {
                case "partition": Partition(name, inputs, outputs); break;
                case "micro_batches":
                    var batches = SequenceLengthBalancing.MicroBatches(Numbers(inputs.GetProperty("seqlens")), inputs.GetProperty("max_token_len").GetInt32(), inputs.GetProperty("use_dynamic_bsz_balance").GetBoolean());
                    Same(outputs.GetProperty("partitions"), batches, name);
                    Assert.Equal(Numbers(outputs.GetProperty("reverse_index")), SequenceLengthBalancing.ReverseIndex(batches));
                    break;
                case "ceildiv":
                    int[][] pairs = Parts(inputs.GetProperty("pairs"));
                    Assert.Equal(Numbers(outputs.GetProperty("ceildiv")), pairs.Select(pair => (int)SequenceLengthBalancing.CeilingDivision(pair[0], pair[1])));
                    Assert.Equal(Numbers(outputs.GetProperty("roundup_divisible")), pairs.Select(pair => (int)SequenceLengthBalancing.RoundUp(pair[0], pair[1])));
                    break;
                default: Assert.Fail($"{name}: no test for {function}."); break;
            }
        }

        Assert.Superset(new HashSet<string> { "partition", "micro_batches", "ceildiv" }, seen);
    }

    [Property(MaxTest = 100)]
    public void Every_sequence_is_in_one_part_and_no_part_is_far_from_the_others(int seed, bool equalSize)
    {
        int parts = 1 + CounterRandom.Below(6, seed, RandomPurpose.Test, 0, 0, 0, 0), count = parts * (1 + CounterRandom.Below(8, seed, RandomPurpose.Test, 0, 0, 0, 1));
        int[] lengths = [.. Enumerable.Range(0, count).Select(i => 1 + CounterRandom.Below(100, seed, RandomPurpose.Test, 0, 0, 1, i))];
        int[][] divided = SequenceLengthBalancing.Balanced(lengths, parts, equalSize);
        Assert.Equal(Enumerable.Range(0, count), divided.SelectMany(part => part).Order());
        if (equalSize) { Assert.All(divided, part => Assert.Equal(count / parts, part.Length)); }
        int[] sums = [.. divided.Select(part => part.Sum(i => lengths[i]))];
        Assert.True(sums.Max() - sums.Min() <= lengths.Max(), $"sums {string.Join(", ", sums)}");
    }

    private static void Partition(string name, JsonElement inputs, JsonElement outputs)
    {
        int[] lengths = Numbers(inputs.GetProperty("seqlens"));
        int parts = inputs.GetProperty("k_partitions").GetInt32();
        bool equalSize = inputs.GetProperty("equal_size").GetBoolean();
        Compare(outputs.GetProperty("karmarkar_karp"), () => SequenceLengthBalancing.KarmarkarKarp(lengths, parts, equalSize), name + " karmarkar_karp");
        Compare(outputs.GetProperty("greedy"), () => SequenceLengthBalancing.Greedy(lengths, parts, equalSize), name + " greedy");
        Compare(outputs.GetProperty("balanced"), () => SequenceLengthBalancing.Balanced(lengths, parts, equalSize), name + " balanced");
        Assert.Equal(outputs.GetProperty("balanced_raises").GetBoolean(), outputs.GetProperty("balanced").ValueKind == JsonValueKind.Null);
        if (outputs.TryGetProperty("sums", out var sums) && sums.ValueKind == JsonValueKind.Array)
        {
            Assert.Equal(Numbers(sums), SequenceLengthBalancing.KarmarkarKarp(lengths, parts, equalSize).Select(part => part.Sum(i => lengths[i])));
        }
    }

    private static void Compare(JsonElement expected, Func<int[][]> actual, string what)
    {
        if (expected.ValueKind == JsonValueKind.Null)
        {
            Assert.Throws<ArgumentException>(() => actual());
            return;
        }

        Same(expected, actual(), what);
    }

    private static void Same(JsonElement expected, int[][] actual, string what) => Assert.True(
        Parts(expected).Length == actual.Length && Parts(expected).Zip(actual).All(pair => pair.First.SequenceEqual(pair.Second)),
        $"{what}: expected {expected}, got {JsonSerializer.Serialize(actual)}.");

    private static int[][] Parts(JsonElement list) => [.. list.EnumerateArray().Select(Numbers)];

    private static int[] Numbers(JsonElement list) => [.. list.EnumerateArray().Select(number => number.GetInt32())];
}
