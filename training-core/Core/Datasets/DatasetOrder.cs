using Ctwa.Training.Randomness;

namespace Ctwa.Training.Datasets;

/// <summary>
/// The order in which a run reads its prompts: each epoch visits every index once, in an order that is a pure function
/// of (seed, epoch). A batch that does not fit into an epoch goes on in the next one, so nothing is left out; such a
/// batch may hold an index twice, once from either epoch. Callers therefore group samples by place in the batch, not by index.
/// </summary>
public sealed class DatasetOrder
{
    private readonly long _seed;

    /// <param name="seed">Seed of the job.</param>
    /// <param name="count">Size of the data set, at least 1.</param>
    public DatasetOrder(long seed, long count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        _seed = seed;
        Count = count;
    }

    /// <summary>Size of the data set.</summary>
    public long Count { get; }

    /// <summary>The index read at place <paramref name="offset"/> of pass <paramref name="epoch"/>.</summary>
    public long At(long epoch, long offset)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        return new IndexPermutation(_seed, RandomPurpose.PromptOrder, epoch, Count).At(offset);
    }

    /// <summary>The next <paramref name="count"/> indices after <paramref name="cursor"/>, and the cursor behind them.</summary>
    /// <exception cref="DatasetException">The cursor lies outside the data set: it was saved with other data.</exception>
    public (long[] Indices, DatasetCursor Next) Next(DatasetCursor cursor, int count)
    {
        ArgumentNullException.ThrowIfNull(cursor);
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (cursor.Epoch < 0 || cursor.Offset < 0 || cursor.Offset >= Count)
        {
            throw new DatasetException($"the saved position in the training data is epoch {cursor.Epoch}, example {cursor.Offset}, but the data holds {Count} examples; resume with the data that the run started with.");
        }

        var indices = new long[count];
        var (epoch, offset) = cursor;
        var permutation = new IndexPermutation(_seed, RandomPurpose.PromptOrder, epoch, Count);
        for (int i = 0; i < count; i++)
        {
            indices[i] = permutation.At(offset);
            if (++offset == Count)
            {
                (epoch, offset) = (epoch + 1, 0);
                permutation = new IndexPermutation(_seed, RandomPurpose.PromptOrder, epoch, Count);
            }
        }

        return (indices, new DatasetCursor(epoch, offset));
    }
}
