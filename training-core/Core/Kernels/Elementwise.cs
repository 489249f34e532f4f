using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>Operations on rows of float32 whose length is a multiple of 8, if nothing else is said.</summary>
internal static unsafe class Elementwise
{
    /// <summary>to += from.</summary>
    public static void Add(float* to, float* from, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8) { (Vector256.Load(to + i) + Vector256.Load(from + i)).Store(to + i); }
        for (; i < count; i++) { to[i] += from[i]; }
    }

    /// <summary>Adds a bias to every row.</summary>
    public static void AddBias(float* values, int stride, float* bias, int rows, int width)
    {
        for (int row = 0; row < rows; row++) { Add(values + ((long)row * stride), bias, width); }
    }

    /// <summary>Adds the columns' sums of s · rows: the gradient of a bias.</summary>
    /// <param name="scale">s per row; null: 1.</param>
    public static void AddColumnSums(float* rowsOf, int stride, float* scale, float* sums, int rows, int width)
    {
        int i = 0;
        for (; i + 8 <= width; i += 8)
        {
            Vector256<float> sum = default;
            for (int row = 0; row < rows; row++)
            {
                var value = Vector256.Load(rowsOf + ((long)row * stride) + i);
                sum = scale is null ? sum + value : MultiplyAdd(value, Vector256.Create(scale[row]), sum);
            }

            (Vector256.Load(sums + i) + sum).Store(sums + i);
        }

        for (; i < width; i++)
        {
            float sum = 0;
            for (int row = 0; row < rows; row++) { sum += (scale is null ? 1 : scale[row]) * rowsOf[((long)row * stride) + i]; }
            sums[i] += sum;
        }
    }

    /// <summary>to = s · from, row by row.</summary>
    public static void ScaleRows(float* from, int fromStride, float* scale, float* to, int toStride, int rows, int width)
    {
        for (int row = 0; row < rows; row++)
        {
            float* x = from + ((long)row * fromStride), y = to + ((long)row * toStride);
            var factor = Vector256.Create(scale[row]);
            int i = 0;
            for (; i + 8 <= width; i += 8) { (Vector256.Load(x + i) * factor).Store(y + i); }
            for (; i < width; i++) { y[i] = x[i] * scale[row]; }
        }
    }

    /// <summary>SwiGLU (arXiv 2002.05202): silu(gate) · up.</summary>
    public static void SwiGlu(float* gate, float* up, float* output, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gate + i);
            (g * Sigmoid(g) * Vector256.Load(up + i)).Store(output + i);
        }

        for (; i < count; i++) { output[i] = gate[i] * Sigmoid(Vector256.Create(gate[i])).ToScalar() * up[i]; }
    }

    /// <summary>Replaces gate and up by their gradients, and the product's gradient by the product itself: what the next matrix's gradient needs.</summary>
    /// <param name="product">Gradient of the product on entry, silu(gate) · up on return.</param>
    public static void SwiGluBackward(float* gate, float* up, float* product, long count)
    {
        long i = 0;
        for (; i + 8 <= count; i += 8)
        {
            var (g, u, d) = (Vector256.Load(gate + i), Vector256.Load(up + i), Vector256.Load(product + i));
            var s = Sigmoid(g);
            var silu = g * s;
            (silu * u).Store(product + i);
            (d * silu).Store(up + i);
            // silu' = s (1 + g (1 − s)).
            (d * u * s * MultiplyAdd(g, Vector256<float>.One - s, Vector256<float>.One)).Store(gate + i);
        }

        for (; i < count; i++)
        {
            float g = gate[i], u = up[i], d = product[i], s = Sigmoid(Vector256.Create(g)).ToScalar(), silu = g * s;
            product[i] = silu * u;
            up[i] = d * silu;
            gate[i] = d * u * s * MathF.FusedMultiplyAdd(g, 1 - s, 1);
        }
    }

    /// <summary>Rotates heads (arXiv 2104.09864) in the half-split form: the pair of dimension i is i + D/2. In place.</summary>
    /// <param name="values">Rows of <paramref name="heads"/> heads of size D.</param>
    /// <param name="cosine">Table [positions, D]; the sine's is signed: negative in the first half.</param>
    /// <param name="positions">Of each row.</param>
    /// <param name="inverse">Rotate back: the gradient's way.</param>
    public static void Rotate(float* values, int stride, int heads, int size, float* cosine, float* sine, int* positions, int rows, bool inverse)
    {
        int half = size / 2;
        var sign = Vector256.Create(inverse ? -1f : 1f);
        for (int row = 0; row < rows; row++)
        {
            float* c = cosine + ((long)positions[row] * size), s = sine + ((long)positions[row] * size);
            for (int head = 0; head < heads; head++)
            {
                float* x = values + ((long)row * stride) + (head * size);
                int i = 0;
                for (; i + 8 <= half; i += 8)
                {
                    var (a, b) = (Vector256.Load(x + i), Vector256.Load(x + half + i));
                    var (low, high) = (Vector256.Load(s + i) * sign, Vector256.Load(s + half + i) * sign);
                    MultiplyAdd(b, low, a * Vector256.Load(c + i)).Store(x + i);
                    MultiplyAdd(a, high, b * Vector256.Load(c + half + i)).Store(x + half + i);
                }

                for (; i < half; i++)
                {
                    float a = x[i], b = x[half + i], flip = inverse ? -1 : 1;
                    x[i] = MathF.FusedMultiplyAdd(b, s[i] * flip, a * c[i]);
                    x[half + i] = MathF.FusedMultiplyAdd(a, s[half + i] * flip, b * c[half + i]);
                }
            }
        }
    }
}
