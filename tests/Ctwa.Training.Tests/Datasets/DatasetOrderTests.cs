using System.Text.Json;
using Ctwa.Training.Datasets;
using FsCheck;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class DatasetOrderTests
{
    [Property(MaxTest = 200)]
    public bool Every_index_comes_exactly_once_per_epoch(PositiveInt size, byte epoch, long seed)
    {
        int count = 1 + ((size.Get * 37) % 3000);
        var order = new DatasetOrder(seed, count);
        var seen = Enumerable.Range(0, count).Select(offset => order.At(epoch, offset)).Order();
        return seen.SequenceEqual(Enumerable.Range(0, count).Select(i => (long)i));
    }

    [Fact]
    public void Every_index_comes_exactly_once_for_all_small_sizes_and_around_powers_of_two()
    {
        foreach (int count in Enumerable.Range(1, 70).Concat([255, 256, 257, 1023, 1024, 1025, 4095, 4096, 4097]))
        {
            var order = new DatasetOrder(11, count);
            Assert.Equal(count, Enumerable.Range(0, count).Select(offset => order.At(3, offset)).Where(i => i >= 0 && i < count).Distinct().Count());
        }
    }

    [Property(MaxTest = 200)]
    public bool Batches_of_any_sizes_read_the_same_sequence_as_one_long_read(PositiveInt size, byte[] batches, long seed)
    {
        int count = 1 + (size.Get % 97);
        var order = new DatasetOrder(seed, count);
        var cursor = DatasetCursor.Start;
        var read = new List<long>();
        foreach (byte batch in batches)
        {
            // A resumed run knows the cursor only as text.
            cursor = JsonSerializer.Deserialize<DatasetCursor>(JsonSerializer.Serialize(cursor))!;
            (long[] indices, cursor) = new DatasetOrder(seed, count).Next(cursor, batch);
            read.AddRange(indices);
        }

        return read.SequenceEqual(order.Next(DatasetCursor.Start, read.Count).Indices)
            && cursor.Epoch == read.Count / count && cursor.Offset == read.Count % count;
    }

    [Property(MaxTest = 100)]
    public bool Any_run_of_whole_epochs_holds_every_index_equally_often(PositiveInt size, PositiveInt epochs, long seed)
    {
        int count = 1 + (size.Get % 53), passes = 1 + (epochs.Get % 5);
        long[] indices = new DatasetOrder(seed, count).Next(DatasetCursor.Start, count * passes).Indices;
        return indices.CountBy(i => i).All(pair => pair.Value == passes) && indices.Distinct().Count() == count;
    }

    [Fact]
    public void Epochs_and_seeds_have_different_orders_that_look_random()
    {
        long[] Epoch(long seed, long epoch) => [.. Enumerable.Range(0, 1000).Select(offset => new DatasetOrder(seed, 1000).At(epoch, offset))];
        int Agreements(long[] a, long[] b) => a.Zip(b).Count(pair => pair.First == pair.Second);
        // Two random permutations agree in one place on average; ten has probability 1e-7.
        Assert.InRange(Agreements(Epoch(1, 0), Epoch(1, 1)), 0, 9);
        Assert.InRange(Agreements(Epoch(1, 0), Epoch(2, 0)), 0, 9);
        Assert.InRange(Agreements(Epoch(1, 0), [.. Enumerable.Range(0, 1000).Select(i => (long)i)]), 0, 9);
        Assert.Equal(Epoch(1, 0), Epoch(1, 0));
        // The first place of an epoch is as likely to hold any index: mean 499.5, standard error 289 / sqrt(2000) = 6.5.
        Assert.Equal(499.5, Enumerable.Range(0, 2000).Average(epoch => new DatasetOrder(1, 1000).At(epoch, 0)), 26.0);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void All_orders_of_a_tiny_data_set_occur(int count)
    {
        var orders = Enumerable.Range(0, 600).Select(epoch => string.Join(',', Enumerable.Range(0, count).Select(offset => new DatasetOrder(1, count).At(epoch, offset)))).CountBy(order => order).ToList();
        Assert.Equal(count == 2 ? 2 : 6, orders.Count);
        Assert.All(orders, pair => Assert.InRange(pair.Value * orders.Count / 600.0, 0.6, 1.4));
    }

    /// <summary>Pinned: a change here changes the order of every resumed run.</summary>
    [Fact]
    public void The_order_of_seed_1_stays_what_it_is()
    {
        var (indices, next) = new DatasetOrder(1, 7).Next(new DatasetCursor(2, 3), 9);
        Assert.Equal([5L, 0, 3, 4, 1, 2, 0, 3, 5], indices);
        Assert.Equal(new DatasetCursor(3, 5), next);
    }

    [Theory]
    [InlineData(0, 7)]
    [InlineData(0, -1)]
    [InlineData(-1, 0)]
    public void A_cursor_of_other_data_is_refused(long epoch, long offset)
    {
        var error = Assert.Throws<DatasetException>(() => new DatasetOrder(1, 7).Next(new DatasetCursor(epoch, offset), 1));
        Assert.Contains("holds 7 examples", error.Message, StringComparison.Ordinal);
    }
}
