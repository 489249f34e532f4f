using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>
/// C = s · A B (+ C) for the small matrices of attention, which stay in the first cache: four rows by two vectors in registers. B is row-major and padded: its rows
/// may be read up to the next multiple of 16 columns, and C's written likewise, within their strides.
/// </summary>
internal static unsafe class SmallProduct
{
    /// <param name="a">Element (i, p) at i · <paramref name="rowStep"/> + p · <paramref name="sumStep"/>.</param>
    /// <param name="b">Shape [depth, ldb].</param>
    /// <param name="c">Shape [rows, ldc].</param>
    /// <param name="columns">Columns of C; a multiple of 8, or padded up to one.</param>
    public static void Multiply(float* a, long rowStep, long sumStep, float* b, long ldb, float* c, long ldc, int rows, int columns, int depth, float scale, bool add)
    {
        int row = 0;
        for (; row + 4 <= rows; row += 4) { Rows4(a + (row * rowStep), rowStep, sumStep, b, ldb, c + (row * ldc), ldc, columns, depth, scale, add); }
        for (; row < rows; row++) { Row(a + (row * rowStep), sumStep, b, ldb, c + (row * ldc), columns, depth, scale, add); }
    }

    private static void Rows4(float* a, long rowStep, long sumStep, float* b, long ldb, float* c, long ldc, int columns, int depth, float scale, bool add)
    {
        float* a1 = a + rowStep, a2 = a1 + rowStep, a3 = a2 + rowStep;
        int column = 0;
        for (; column + 16 <= columns; column += 16)
        {
            Vector256<float> c00 = default, c01 = default, c10 = default, c11 = default, c20 = default, c21 = default, c30 = default, c31 = default;
            float* at = b + column;
            for (long p = 0, offset = 0; p < depth; p++, offset += sumStep, at += ldb)
            {
                var (b0, b1) = (Vector256.Load(at), Vector256.Load(at + 8));
                var x = Vector256.Create(a[offset]);
                c00 = MultiplyAdd(x, b0, c00);
                c01 = MultiplyAdd(x, b1, c01);
                x = Vector256.Create(a1[offset]);
                c10 = MultiplyAdd(x, b0, c10);
                c11 = MultiplyAdd(x, b1, c11);
                x = Vector256.Create(a2[offset]);
                c20 = MultiplyAdd(x, b0, c20);
                c21 = MultiplyAdd(x, b1, c21);
                x = Vector256.Create(a3[offset]);
                c30 = MultiplyAdd(x, b0, c30);
                c31 = MultiplyAdd(x, b1, c31);
            }

            Put(c + column, c00, scale, add);
            Put(c + column + 8, c01, scale, add);
            Put(c + ldc + column, c10, scale, add);
            Put(c + ldc + column + 8, c11, scale, add);
            Put(c + (2 * ldc) + column, c20, scale, add);
            Put(c + (2 * ldc) + column + 8, c21, scale, add);
            Put(c + (3 * ldc) + column, c30, scale, add);
            Put(c + (3 * ldc) + column + 8, c31, scale, add);
        }

        for (; column < columns; column += 8)
        {
            Vector256<float> c0 = default, c1 = default, c2 = default, c3 = default;
            float* at = b + column;
            for (long p = 0, offset = 0; p < depth; p++, offset += sumStep, at += ldb)
            {
                var b0 = Vector256.Load(at);
                c0 = MultiplyAdd(Vector256.Create(a[offset]), b0, c0);
                c1 = MultiplyAdd(Vector256.Create(a1[offset]), b0, c1);
                c2 = MultiplyAdd(Vector256.Create(a2[offset]), b0, c2);
                c3 = MultiplyAdd(Vector256.Create(a3[offset]), b0, c3);
            }

            Put(c + column, c0, scale, add);
            Put(c + ldc + column, c1, scale, add);
            Put(c + (2 * ldc) + column, c2, scale, add);
            Put(c + (3 * ldc) + column, c3, scale, add);
        }
    }

    // The same additions in the same order as a row among four: a row's bits do not depend on its neighbours.
    private static void Row(float* a, long sumStep, float* b, long ldb, float* c, int columns, int depth, float scale, bool add)
    {
        int column = 0;
        for (; column + 16 <= columns; column += 16)
        {
            Vector256<float> c0 = default, c1 = default;
            float* at = b + column;
            for (long p = 0, offset = 0; p < depth; p++, offset += sumStep, at += ldb)
            {
                var x = Vector256.Create(a[offset]);
                c0 = MultiplyAdd(x, Vector256.Load(at), c0);
                c1 = MultiplyAdd(x, Vector256.Load(at + 8), c1);
            }

            Put(c + column, c0, scale, add);
            Put(c + column + 8, c1, scale, add);
        }

        for (; column < columns; column += 8)
        {
            Vector256<float> sum = default;
            float* at = b + column;
            for (long p = 0, offset = 0; p < depth; p++, offset += sumStep, at += ldb) { sum = MultiplyAdd(Vector256.Create(a[offset]), Vector256.Load(at), sum); }
            Put(c + column, sum, scale, add);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Put(float* c, Vector256<float> sum, float scale, bool add)
    {
        sum *= Vector256.Create(scale);
        (add ? Vector256.Load(c) + sum : sum).Store(c);
    }
}
