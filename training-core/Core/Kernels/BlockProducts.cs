using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Ctwa.Training.Models;

namespace Ctwa.Training.Kernels;

/// <summary>
/// Products of pairs of float32 vectors over one block of <see cref="FlatLayout.Block"/> elements, in float64, by the tree that <c>FlatBlocks</c> defines: the block's
/// upper half is added to its lower half until one number is left. The same bits as adding with libtorch: a product of two float32 is exact in float64, so it makes
/// no difference that a multiply-add rounds once.
/// </summary>
internal static unsafe class BlockProducts
{
    private const int Size = FlatLayout.Block, Lanes = 4;

    // Vectors of a cache line.
    private const int Line = 4;

    // The first three halvings are made while reading, in eight streams; what is left of a product is a row of so many vectors.
    private const int Left = Size / 8 / Lanes;

    /// <summary>Σ a[i] b[i] of a block, for all pairs of rows; upper triangle row by row.</summary>
    /// <param name="rows">Address of each row's block; all 4,096 elements are read.</param>
    /// <param name="sums">Receives M(M+1)/2 numbers.</param>
    [SkipLocalsInit]
    public static void Gram(ReadOnlySpan<nint> rows, Span<double> sums)
    {
        Vector256<double>* space = stackalloc Vector256<double>[6 * Left];
        if (rows.Length == 3)
        {
            Three((float*)rows[0], (float*)rows[1], (float*)rows[2], space);
            for (int k = 0; k < 6; k++) { sums[k] = Halve(space + (k * Left)); }
            return;
        }

        int pair = 0;
        for (int i = 0; i < rows.Length; i++)
        {
            Square((float*)rows[i], space);
            sums[pair++] = Halve(space);
            int j = i + 1;
            for (; j + 2 <= rows.Length; j += 2)
            {
                Two((float*)rows[i], (float*)rows[j], (float*)rows[j + 1], space);
                sums[pair++] = Halve(space);
                sums[pair++] = Halve(space + Left);
            }

            if (j < rows.Length)
            {
                One((float*)rows[i], (float*)rows[j], space);
                sums[pair++] = Halve(space);
            }
        }
    }

    // A cache line of each stream at a time: the streams lie multiples of 2 KB apart, more of them than a set of the first cache has places. The next block is fetched
    // meanwhile, since no stream is long enough for the processor to foresee it.
    private static void Square(float* a, Vector256<double>* to)
    {
        Vector256<double>* rest = stackalloc Vector256<double>[Line];
        for (int v = 0; v < Left; v += Line, a += Line * Lanes, to += Line)
        {
            Fetch(a);
            Squares(a, to, add: false);
            Squares(a + (Size / 4), to, add: true);
            Squares(a + (Size / 8), rest, add: false);
            Squares(a + (Size / 8) + (Size / 4), rest, add: true);
            for (int k = 0; k < Line; k++) { to[k] += rest[k]; }
        }
    }

    private static void One(float* a, float* b, Vector256<double>* to)
    {
        Vector256<double>* rest = stackalloc Vector256<double>[Line];
        for (int v = 0; v < Left; v += Line, a += Line * Lanes, b += Line * Lanes, to += Line)
        {
            Fetch(b);
            Products(a, b, to, add: false);
            Products(a + (Size / 4), b + (Size / 4), to, add: true);
            Products(a + (Size / 8), b + (Size / 8), rest, add: false);
            Products(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4), rest, add: true);
            for (int k = 0; k < Line; k++) { to[k] += rest[k]; }
        }
    }

    private static void Two(float* a, float* b, float* c, Vector256<double>* to)
    {
        Vector256<double>* rest = stackalloc Vector256<double>[2 * Line];
        for (int v = 0; v < Left; v += Line, a += Line * Lanes, b += Line * Lanes, c += Line * Lanes, to += Line)
        {
            Fetch(b);
            Fetch(c);
            Pairs(a, b, c, to, Left, add: false);
            Pairs(a + (Size / 4), b + (Size / 4), c + (Size / 4), to, Left, add: true);
            Pairs(a + (Size / 8), b + (Size / 8), c + (Size / 8), rest, Line, add: false);
            Pairs(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4), c + (Size / 8) + (Size / 4), rest, Line, add: true);
            for (int k = 0; k < Line; k++)
            {
                to[k] += rest[k];
                to[k + Left] += rest[k + Line];
            }
        }
    }

    private static void Three(float* a, float* b, float* c, Vector256<double>* to)
    {
        Vector256<double>* rest = stackalloc Vector256<double>[6 * Line];
        for (int v = 0; v < Left; v += Line, a += Line * Lanes, b += Line * Lanes, c += Line * Lanes, to += Line)
        {
            Fetch(a);
            Fetch(b);
            Fetch(c);
            Triples(a, b, c, to, Left, add: false);
            Triples(a + (Size / 4), b + (Size / 4), c + (Size / 4), to, Left, add: true);
            Triples(a + (Size / 8), b + (Size / 8), c + (Size / 8), rest, Line, add: false);
            Triples(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4), c + (Size / 8) + (Size / 4), rest, Line, add: true);
            for (int pair = 0; pair < 6; pair++)
            {
                for (int k = 0; k < Line; k++) { to[(pair * Left) + k] += rest[(pair * Line) + k]; }
            }
        }
    }

    /// <summary>The first halving, of one line of a stream and the line half a block on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Squares(float* a, Vector256<double>* to, bool add)
    {
        for (int k = 0; k < Line; k++, a += Lanes)
        {
            var (x, y) = (Wide(a), Wide(a + (Size / 2)));
            Put(to + k, Vector256.FusedMultiplyAdd(y, y, x * x), add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Products(float* a, float* b, Vector256<double>* to, bool add)
    {
        for (int k = 0; k < Line; k++, a += Lanes, b += Lanes) { Put(to + k, Vector256.FusedMultiplyAdd(Wide(a + (Size / 2)), Wide(b + (Size / 2)), Wide(a) * Wide(b)), add); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Pairs(float* a, float* b, float* c, Vector256<double>* to, int step, bool add)
    {
        for (int k = 0; k < Line; k++, a += Lanes, b += Lanes, c += Lanes, to++)
        {
            var (x, y) = (Wide(a), Wide(a + (Size / 2)));
            Put(to, Vector256.FusedMultiplyAdd(y, Wide(b + (Size / 2)), x * Wide(b)), add);
            Put(to + step, Vector256.FusedMultiplyAdd(y, Wide(c + (Size / 2)), x * Wide(c)), add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Triples(float* a, float* b, float* c, Vector256<double>* to, int step, bool add)
    {
        for (int k = 0; k < Line; k++, a += Lanes, b += Lanes, c += Lanes, to++)
        {
            var (x, y, z) = (Wide(a), Wide(b), Wide(c));
            var (p, q, r) = (Wide(a + (Size / 2)), Wide(b + (Size / 2)), Wide(c + (Size / 2)));
            Put(to, Vector256.FusedMultiplyAdd(p, p, x * x), add);
            Put(to + step, Vector256.FusedMultiplyAdd(p, q, x * y), add);
            Put(to + (2 * step), Vector256.FusedMultiplyAdd(p, r, x * z), add);
            Put(to + (3 * step), Vector256.FusedMultiplyAdd(q, q, y * y), add);
            Put(to + (4 * step), Vector256.FusedMultiplyAdd(q, r, y * z), add);
            Put(to + (5 * step), Vector256.FusedMultiplyAdd(r, r, z * z), add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(Vector256<double>* to, Vector256<double> value, bool add) => *to = add ? *to + value : value;

    /// <summary>Fetches this line's counterparts in the next block. Past the vector's end nothing happens: a prefetch never faults.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* a)
    {
        if (!Sse.IsSupported) { return; }
        for (int stream = 0; stream < 8; stream++) { Sse.Prefetch0(a + Size + (stream * (Size / 8))); }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<double> Wide(float* four)
    {
        var values = Vector128.Load(four);
        return Avx.IsSupported ? Avx.ConvertToVector256Double(values) : Vector256.Create(Vector128.WidenLower(values), Vector128.WidenUpper(values));
    }

    /// <summary>The halvings that are left, in place, and the last two within a vector.</summary>
    private static double Halve(Vector256<double>* values)
    {
        for (int width = Left / 2; width >= 1; width /= 2)
        {
            for (int v = 0; v < width; v++) { values[v] += values[v + width]; }
        }

        var sum = values[0];
        return (sum.GetElement(0) + sum.GetElement(2)) + (sum.GetElement(1) + sum.GetElement(3));
    }
}
