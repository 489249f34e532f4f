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
    private const int Size = FlatLayout.Block, Lanes = 8;

    // The first three halvings are made while reading, in eight streams; what is left of a product is a row of so many vectors.
    private const int Left = Size / 8 / Lanes;

    /// <summary>Σ a[i] b[i] of a block, for all pairs of rows; upper triangle row by row.</summary>
    /// <param name="rows">Address of each row's block; all 4,096 elements are read.</param>
    /// <param name="sums">Receives M(M+1)/2 numbers.</param>
    [SkipLocalsInit]
    public static void Gram(ReadOnlySpan<nint> rows, Span<double> sums)
    {
        Vector512<double>* space = stackalloc Vector512<double>[6 * Left];
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

    private static void Square(float* a, Vector512<double>* to)
    {
        for (int v = 0; v < Left; v++, a += Lanes)
        {
            Fetch(a, v);
            to[v] = (Own(a) + Own(a + (Size / 4))) + (Own(a + (Size / 8)) + Own(a + (Size / 8) + (Size / 4)));
        }
    }

    private static void One(float* a, float* b, Vector512<double>* to)
    {
        for (int v = 0; v < Left; v++, a += Lanes, b += Lanes)
        {
            to[v] = (Product(a, b) + Product(a + (Size / 4), b + (Size / 4))) + (Product(a + (Size / 8), b + (Size / 8)) + Product(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4)));
        }
    }

    private static void Two(float* a, float* b, float* c, Vector512<double>* to)
    {
        for (int v = 0; v < Left; v++, a += Lanes, b += Lanes, c += Lanes)
        {
            var (s0, t0) = Pair(a, b, c);
            var (s1, t1) = Pair(a + (Size / 4), b + (Size / 4), c + (Size / 4));
            var (s2, t2) = Pair(a + (Size / 8), b + (Size / 8), c + (Size / 8));
            var (s3, t3) = Pair(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4), c + (Size / 8) + (Size / 4));
            to[v] = (s0 + s1) + (s2 + s3);
            to[v + Left] = (t0 + t1) + (t2 + t3);
        }
    }

    private static void Three(float* a, float* b, float* c, Vector512<double>* to)
    {
        for (int v = 0; v < Left; v++, a += Lanes, b += Lanes, c += Lanes, to++)
        {
            Fetch(a, v);
            Fetch(b, v);
            Fetch(c, v);
            Triple(a, b, c, out var aa, out var ab, out var ac, out var bb, out var bc, out var cc);
            Triple(a + (Size / 4), b + (Size / 4), c + (Size / 4), out var aa1, out var ab1, out var ac1, out var bb1, out var bc1, out var cc1);
            aa += aa1;
            ab += ab1;
            ac += ac1;
            bb += bb1;
            bc += bc1;
            cc += cc1;
            Triple(a + (Size / 8), b + (Size / 8), c + (Size / 8), out aa1, out ab1, out ac1, out bb1, out bc1, out cc1);
            Triple(a + (Size / 8) + (Size / 4), b + (Size / 8) + (Size / 4), c + (Size / 8) + (Size / 4), out var aa2, out var ab2, out var ac2, out var bb2, out var bc2, out var cc2);
            to[0] = aa + (aa1 + aa2);
            to[Left] = ab + (ab1 + ab2);
            to[2 * Left] = ac + (ac1 + ac2);
            to[3 * Left] = bb + (bb1 + bb2);
            to[4 * Left] = bc + (bc1 + bc2);
            to[5 * Left] = cc + (cc1 + cc2);
        }
    }

    /// <summary>The first halving: a vector and the one half a block on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Own(float* a)
    {
        var (x, y) = (Wide(a), Wide(a + (Size / 2)));
        return Vector512.FusedMultiplyAdd(y, y, x * x);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Product(float* a, float* b) => Vector512.FusedMultiplyAdd(Wide(a + (Size / 2)), Wide(b + (Size / 2)), Wide(a) * Wide(b));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector512<double> First, Vector512<double> Second) Pair(float* a, float* b, float* c)
    {
        var (x, y) = (Wide(a), Wide(a + (Size / 2)));
        return (Vector512.FusedMultiplyAdd(y, Wide(b + (Size / 2)), x * Wide(b)), Vector512.FusedMultiplyAdd(y, Wide(c + (Size / 2)), x * Wide(c)));
    }

    /// <summary>Products of three rows: one vector of each pair.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Triple(
        float* a, float* b, float* c, out Vector512<double> aa, out Vector512<double> ab, out Vector512<double> ac, out Vector512<double> bb, out Vector512<double> bc, out Vector512<double> cc)
    {
        var (x, y, z) = (Wide(a), Wide(b), Wide(c));
        var (p, q, r) = (Wide(a + (Size / 2)), Wide(b + (Size / 2)), Wide(c + (Size / 2)));
        aa = Vector512.FusedMultiplyAdd(p, p, x * x);
        ab = Vector512.FusedMultiplyAdd(p, q, x * y);
        ac = Vector512.FusedMultiplyAdd(p, r, x * z);
        bb = Vector512.FusedMultiplyAdd(q, q, y * y);
        bc = Vector512.FusedMultiplyAdd(q, r, y * z);
        cc = Vector512.FusedMultiplyAdd(r, r, z * z);
    }

    /// <summary>Fetches the next block, a line at a time: eight streams are too many, and each is too short, for the processor to foresee them. A prefetch never faults.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Fetch(float* a, int v)
    {
        if (!Sse.IsSupported) { return; }
        float* next = a - (v * Lanes) + Size + (v * 8 * Lanes);
        Sse.Prefetch1(next);
        Sse.Prefetch1(next + 16);
        Sse.Prefetch1(next + 32);
        Sse.Prefetch1(next + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<double> Wide(float* eight)
    {
        var values = Vector256.Load(eight);
        return Avx512F.IsSupported ? Avx512F.ConvertToVector512Double(values) : Vector512.Create(Vector256.WidenLower(values), Vector256.WidenUpper(values));
    }

    /// <summary>The halvings that are left, in place, and the last two within a vector.</summary>
    private static double Halve(Vector512<double>* values)
    {
        for (int width = Left / 2; width >= 1; width /= 2)
        {
            for (int v = 0; v < width; v++) { values[v] += values[v + width]; }
        }

        var sum = values[0].GetLower() + values[0].GetUpper();
        return (sum.GetElement(0) + sum.GetElement(2)) + (sum.GetElement(1) + sum.GetElement(3));
    }
}
