using System.Runtime.InteropServices;
using Ctwa.Training.Kernels;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Gradients;

/// <summary>
/// Sums of squares and Gram matrices of flat float32 vectors, in float64 over fixed blocks of <see cref="BlockSize"/>
/// elements (invariant I1). A block is summed by halving it with element-wise additions: products of two float32 are
/// exact in float64 and every addition is one IEEE operation, so a block's bits depend on its numbers only, not on
/// device, thread count, alignment or where the vector is cut, provided cuts lie on block boundaries. Block sums are
/// then added one after the other, in block order.
/// </summary>
public static class FlatBlocks
{
    /// <summary>Elements per block; slices of flat vectors are cut at multiples of it.</summary>
    public const int BlockSize = FlatLayout.Block;

    // Bounds the float64 copy to 2 MB per row: it stays in the cache while it is halved.
    private const long BlocksPerPass = 64;

    /// <summary>Blocks of a vector; the last one may be shorter and is filled up with zeros.</summary>
    public static long BlockCount(long length) => (length + BlockSize - 1) / BlockSize;

    /// <summary>Σ x² of each block, in block order. Not finite exactly where the block holds a number that is not.</summary>
    /// <param name="slice">float32, shape [P], beginning on a block boundary of the whole vector.</param>
    /// <exception cref="ArgumentException">Not a float32 vector.</exception>
    public static double[] SumOfSquaresByBlock(Tensor slice)
    {
        if (slice.dim() != 1) { throw new ArgumentException($"a vector is needed, not a tensor of {slice.dim()} dimensions.", nameof(slice)); }
        using var row = slice.unsqueeze(0);
        return GramByBlock(row);
    }

    /// <summary>Gram matrix of each block, in block order; sum with <see cref="SumGram"/>.</summary>
    /// <param name="rows">float32, shape [M, P]: one gradient per objective. Rows may lie apart in memory.</param>
    /// <returns>Upper triangles row by row, M(M+1)/2 numbers per block.</returns>
    /// <exception cref="ArgumentException">Not a float32 matrix.</exception>
    public static double[] GramByBlock(Tensor rows)
    {
        if (rows.dim() != 2 || rows.dtype != ScalarType.Float32)
        {
            throw new ArgumentException($"float32 [M, P] is needed, not {rows.dtype} [{string.Join(", ", rows.shape)}].", nameof(rows));
        }

        using var noGrad = no_grad();
        int count = (int)rows.shape[0], pairs = PairCount(count);
        long length = rows.shape[1], blocks = BlockCount(length);
        double[] grams = new double[blocks * pairs];
        if (rows.device_type == DeviceType.CPU && length > 0 && rows.stride(1) == 1)
        {
            nint first = TensorAddress.Of(rows.select(0, 0)), stride = (nint)(rows.stride(0) * sizeof(float));
            OnHost([.. Enumerable.Range(0, count).Select(row => first + (row * stride))], length, grams);
            return grams;
        }

        for (long first = 0; first < blocks; first += BlocksPerPass)
        {
            using var scope = NewDisposeScope();
            long taken = Math.Min(BlocksPerPass, blocks - first), start = first * BlockSize, elements = Math.Min(taken * BlockSize, length - start);
            Tensor numbers = rows.narrow(1, start, elements).to(ScalarType.Float64);
            if (elements < taken * BlockSize) { numbers = nn.functional.pad(numbers, [0, (taken * BlockSize) - elements]); }
            numbers = numbers.reshape(count, taken, BlockSize);
            int pair = 0;
            for (int i = 0; i < count; i++)
            {
                // Row i against itself and every later row at once: [M − i, blocks].
                Tensor sums = Halve(numbers.narrow(0, i, 1) * numbers.narrow(0, i, count - i)).cpu().contiguous();
                ReadOnlySpan<double> values = MemoryMarshal.Cast<byte, double>(sums.bytes);
                for (int j = i; j < count; j++, pair++)
                {
                    for (int b = 0; b < taken; b++) { grams[((first + b) * pairs) + pair] = values[((j - i) * (int)taken) + b]; }
                }
            }
        }

        return grams;
    }

    /// <summary>The same of rows that lie anywhere, without a copy that puts them side by side.</summary>
    /// <param name="rows">float32, shape [P] each, contiguous.</param>
    public static double[] GramByBlock(IReadOnlyList<Tensor> rows)
    {
        using var scope = NewDisposeScope();
        if (rows[0].device_type != DeviceType.CPU || rows[0].shape[0] == 0) { return GramByBlock(stack(rows)); }
        long length = rows[0].shape[0];
        if (rows.Any(row => row.dim() != 1 || row.dtype != ScalarType.Float32 || row.shape[0] != length || !row.is_contiguous())) { throw new ArgumentException("contiguous float32 vectors of one length are needed.", nameof(rows)); }
        double[] grams = new double[BlockCount(length) * PairCount(rows.Count)];
        OnHost([.. rows.Select(TensorAddress.Of)], length, grams);
        return grams;
    }

    private static unsafe void OnHost(nint[] rows, long length, double[] grams)
    {
        int pairs = PairCount(rows.Length), blocks = (int)BlockCount(length);
        HostThreads.Each((blocks + 15) / 16, length * rows.Length, part =>
        {
            Span<nint> at = stackalloc nint[rows.Length];
            for (int block = part * 16; block < Math.Min(blocks, (part + 1) * 16); block++)
            {
                long offset = (long)block * BlockSize, left = length - offset;
                if (left < BlockSize)
                {
                    Partial(rows, offset, (int)left, grams.AsSpan(block * pairs, pairs));
                    continue;
                }

                for (int row = 0; row < rows.Length; row++) { at[row] = rows[row] + (nint)(offset * sizeof(float)); }
                BlockProducts.Gram(at, grams.AsSpan(block * pairs, pairs));
            }
        });
    }

    /// <summary>The last block, filled up with zeros.</summary>
    private static unsafe void Partial(nint[] rows, long offset, int left, Span<double> sums)
    {
        float[] copies = new float[rows.Length * BlockSize];
        fixed (float* first = copies)
        {
            Span<nint> at = stackalloc nint[rows.Length];
            for (int row = 0; row < rows.Length; row++)
            {
                new ReadOnlySpan<float>((float*)rows[row] + offset, left).CopyTo(copies.AsSpan(row * BlockSize));
                at[row] = (nint)(first + (row * BlockSize));
            }

            BlockProducts.Gram(at, sums);
        }
    }

    /// <summary>Adds block sums one after the other, slice by slice; the result does not depend on the slices.</summary>
    /// <param name="slices">Results of <see cref="SumOfSquaresByBlock"/>, in the order of the slices.</param>
    public static double Sum(params IEnumerable<double[]> slices)
    {
        double sum = 0;
        foreach (double[] slice in slices)
        {
            foreach (double block in slice) { sum += block; }
        }

        return sum;
    }

    /// <summary>Adds block Gram matrices one after the other, slice by slice; the result does not depend on the slices.</summary>
    /// <param name="count">Rows M.</param>
    /// <param name="slices">Results of <see cref="GramByBlock(Tensor)"/>, in the order of the slices.</param>
    /// <returns>Symmetric, shape [M, M].</returns>
    /// <exception cref="ArgumentException">A slice does not hold whole blocks of M(M+1)/2 numbers.</exception>
    public static double[,] SumGram(int count, params IEnumerable<double[]> slices)
    {
        int pairs = PairCount(count);
        double[] sums = new double[pairs];
        foreach (double[] slice in slices)
        {
            if (slice.Length % pairs != 0)
            {
                throw new ArgumentException($"{slice.Length} numbers are no whole blocks of {pairs}, which {count} rows give.", nameof(slices));
            }

            for (int k = 0; k < slice.Length; k += pairs)
            {
                for (int pair = 0; pair < pairs; pair++) { sums[pair] += slice[k + pair]; }
            }
        }

        double[,] gram = new double[count, count];
        for (int i = 0, pair = 0; i < count; i++)
        {
            for (int j = i; j < count; j++, pair++) { gram[i, j] = gram[j, i] = sums[pair]; }
        }

        return gram;
    }

    /// <summary>Index of the first block that holds NaN or an infinity, or −1.</summary>
    /// <param name="sumsOfSquares">From <see cref="SumOfSquaresByBlock"/>: float64 cannot overflow on squares of float32, so a block's sum tells.</param>
    public static int FirstNonFinite(ReadOnlySpan<double> sumsOfSquares)
    {
        for (int i = 0; i < sumsOfSquares.Length; i++)
        {
            if (!double.IsFinite(sumsOfSquares[i])) { return i; }
        }

        return -1;
    }

    /// <summary>Sums the last dimension of <see cref="BlockSize"/> in place by adding its upper half to its lower half until one is left.</summary>
    private static Tensor Halve(Tensor numbers)
    {
        for (long width = BlockSize / 2; width >= 1; width /= 2)
        {
            numbers.narrow(-1, 0, width).PlusInPlace(numbers.narrow(-1, width, width));
        }

        return numbers.select(-1, 0);
    }

    private static int PairCount(int count) => count * (count + 1) / 2;
}
