using System.Buffers;
using System.Collections.Immutable;
using System.Text.Json;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

public sealed class ShardResultPackTests
{
    private static readonly (int Shard, ShardResult Result)[] s_results =
    [
        (7, new GenerateResult([3, 0, 511], [true, false, true], [1, ulong.MaxValue, 42])),
        (0, new ScoreResult([
            new ScoreColumnMessage([1.5, null, double.NaN], [null, "the grader said: nein ✗", null], [0, 3, 0]),
            new ScoreColumnMessage([], [], []),
        ])),
        (9_999, new UpdateResult(1L << 40, -0.0, 1, 2, 3e-300, 4, 5, 6, [0.25, double.PositiveInfinity], 7, 8, 9)),
        (1, new GenerateResult([], [], [])),
    ];

    [Fact]
    public void Results_come_back_as_they_were_in_their_order()
    {
        var read = ShardResultPack.Read(Pack());
        Assert.Equal(s_results.Select(one => one.Shard), read.Select(one => one.Shard));
        Assert.Equal(s_results.Select(one => Text(one.Result)), read.Select(one => Text(one.Result)));
    }

    [Fact]
    public void Kinds_that_are_few_are_left_to_messages()
    {
        var output = new ArrayBufferWriter<byte>();
        Assert.False(ShardResultPack.TryWrite(output, 1, new MeasureTokensResult([1.0])));
        Assert.Equal(0, output.WrittenCount);
        Assert.Empty(ShardResultPack.Read([]));
    }

    [Fact]
    public void Every_cut_is_an_error_that_names_its_place()
    {
        byte[] whole = Pack();
        var ends = new HashSet<int> { 0 };
        foreach (int count in Enumerable.Range(1, s_results.Length)) { ends.Add(Pack(count).Length); }
        for (int length = 0; length < whole.Length; length++)
        {
            if (ends.Contains(length)) { continue; }
            var failure = Assert.Throws<InvalidDataException>(() => ShardResultPack.Read(whole.AsSpan(0, length)));
            Assert.Contains($"of {length}: ", failure.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Damaged_blocks_are_read_or_refused_and_never_allocate_what_they_announce()
    {
        byte[] whole = Pack();
        ulong state = 1;
        long before = GC.GetAllocatedBytesForCurrentThread();
        int refused = 0;
        for (int mutation = 0; mutation < 20_000; mutation++)
        {
            byte[] damaged = [.. whole];
            for (int k = 0; k < 1 + (mutation % 3); k++)
            {
                state = (state * 6364136223846793005) + 1442695040888963407;
                damaged[(int)((state >> 33) % (ulong)damaged.Length)] = (byte)(state >> 24);
            }

            try
            {
                ShardResultPack.Read(damaged);
            }
            catch (InvalidDataException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1_000, 20_000);
        // A count of two billion is a few bytes of damage; believed once, it would show here.
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 20_000L * 16 * 1024);
    }

    [Fact]
    public void Batches_stay_below_the_size_of_a_message()
    {
        ImmutableArray<double> values = [.. Enumerable.Range(0, 900).Select(i => (double)i)];
        ImmutableArray<int> lengths = [.. Enumerable.Range(0, 900)];
        ImmutableArray<bool> valid = [.. Enumerable.Repeat(true, 900)];
        var advantage = new AdvantageMessage(values, lengths, valid, 1, 0, 1, false, 0, [], []);
        ShardWork[] works = [.. Enumerable.Range(0, 40).Select(shard => (ShardWork)new PolicyWork("policy/1", new UpdateKey(1, 1, 0, 0), new RolloutKey(1, 1), shard, 1, [advantage], new RowsMessage(null, true, false, false, false), 1, 1, false))];
        var batches = ShardFan.Cut(Enumerable.Range(0, 40), works).ToList();
        Assert.Equal(Enumerable.Range(0, 40), batches.SelectMany(batch => batch));
        Assert.All(batches, batch => Assert.InRange(batch.Sum(shard => MessageSizes.Of(works[shard])), 1, MessageSizes.Batch));
        ShardWork[] small = [.. Enumerable.Range(0, 1000).Select(_ => (ShardWork)new ScoreWork("score/1", new RolloutKey(1, 1), 100))];
        Assert.Equal(8, ShardFan.Cut(Enumerable.Range(0, 1000), small).Count());
    }

    // 16 samples and three objectives: a batch's scores are one answer. 700 samples, or results that are not packed: several, each below the size of a message.
    [Theory]
    [InlineData(16, true, 1)]
    [InlineData(700, true, 43)]
    [InlineData(700, false, 15)]
    public void Answers_hold_what_a_message_holds_and_the_rest_is_asked_for_again(int samples, bool packed, int expected)
    {
        var column = new ScoreColumnMessage([.. Enumerable.Repeat<double?>(0.5, samples)], [.. new string?[samples]], [.. new int[samples]]);
        ShardResult result = packed ? new ScoreResult([column, column, column]) : new MeasureTokensResult([.. Enumerable.Repeat(0.25, samples)]);
        int[] shards = [.. Enumerable.Range(100, 128)];
        var reports = Enumerable.Repeat(new ShardReport(WorkStatus.Done, result, null), shards.Length).ToArray();
        var scratch = new ArrayBufferWriter<byte>();
        int answers = 0, taken = 0;
        for (; taken < shards.Length; answers++)
        {
            var answer = ShardFanGrain.Compose(scratch, shards.AsSpan(taken), reports.AsSpan(taken));
            int[] held = [.. ShardResultPack.Read(answer.Packed).Select(one => one.Shard), .. answer.Others.Select(one => one.Shard)];
            Assert.Equal(shards.Skip(taken).Take(held.Length), held);
            Assert.NotEmpty(held);
            Assert.InRange(MessageSizes.Of(answer), 1, MessageSizes.Answer);
            taken += held.Length;
        }

        Assert.Equal(expected, answers);
    }

    private static byte[] Pack(int count = int.MaxValue)
    {
        var output = new ArrayBufferWriter<byte>();
        foreach (var (shard, result) in s_results.Take(count)) { Assert.True(ShardResultPack.TryWrite(output, shard, result)); }
        return output.WrittenSpan.ToArray();
    }

    private static string Text(ShardResult result) => JsonSerializer.Serialize((object)result, s_json);

    private static readonly JsonSerializerOptions s_json = new() { NumberHandling = System.Text.Json.Serialization.JsonNumberHandling.AllowNamedFloatingPointLiterals };
}
