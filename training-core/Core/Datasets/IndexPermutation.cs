using System.Numerics;
using Ctwa.Training.Randomness;

namespace Ctwa.Training.Datasets;

/// <summary>
/// A pseudo-random permutation of [0, size) that is evaluated one index at a time, without a table: a Feistel network
/// with <see cref="CounterRandom"/> as round function permutes the next power of four, and indices that leave the range
/// are permuted again until they fall into it (cycle walking: Black and Rogaway, "Ciphers with arbitrary finite domains",
/// CT-RSA 2002). The walk visits fewer than four points on average.
/// </summary>
internal readonly struct IndexPermutation
{
    // Four rounds make a pseudo-random permutation of a large domain; small domains need more to look mixed.
    private const int Rounds = 8;

    private readonly long _seed;
    private readonly RandomPurpose _purpose;
    private readonly long _stream;
    private readonly long _size;
    private readonly int _halfBits;

    /// <param name="seed">Seed of the job.</param>
    /// <param name="purpose">What the permutation is for.</param>
    /// <param name="stream">Number of the permutation: the epoch, for instance.</param>
    /// <param name="size">Number of indices, at least 1.</param>
    public IndexPermutation(long seed, RandomPurpose purpose, long stream, long size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        (_seed, _purpose, _stream, _size) = (seed, purpose, stream, size);
        int bits = 64 - BitOperations.LeadingZeroCount((ulong)(size - 1));
        _halfBits = Math.Max(1, (bits + 1) / 2);
    }

    /// <summary>Where <paramref name="index"/> goes; different indices go to different places.</summary>
    public long At(long index)
    {
        if (index < 0 || index >= _size) { throw new ArgumentOutOfRangeException(nameof(index), index, $"must lie in [0, {_size})."); }
        do { index = Permute(index); } while (index >= _size);
        return index;
    }

    private long Permute(long value)
    {
        long mask = (1L << _halfBits) - 1;
        long left = value >> _halfBits, right = value & mask;
        for (int round = 0; round < Rounds; round++)
        {
            long mixed = left ^ ((long)CounterRandom.Bits(_seed, _purpose, _stream, right, _halfBits, round) & mask);
            (left, right) = (right, mixed);
        }

        return (left << _halfBits) | right;
    }
}
