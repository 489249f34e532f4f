using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>Root-mean-square normalisation (arXiv 1910.07467) of rows of <c>width</c> float32, a multiple of 8: y = w · x / √(mean x² + ε).</summary>
internal static unsafe class RmsNorm
{
    /// <param name="input">Shape [rows, stride] of which the first <paramref name="width"/> are read.</param>
    /// <param name="weight">Shape [width].</param>
    /// <param name="output">Like the input; may be the input.</param>
    /// <param name="inverse">Receives 1 / √(mean x² + ε) per row; null: not wanted.</param>
    public static void Forward(float* input, int inputStride, float* weight, float* output, int outputStride, float* inverse, int rows, int width, float epsilon)
    {
        for (int row = 0; row < rows; row++)
        {
            float* x = input + ((long)row * inputStride), y = output + ((long)row * outputStride);
            Vector256<float> first = default, second = default;
            int i = 0;
            for (; i + 16 <= width; i += 16)
            {
                var a = Vector256.Load(x + i);
                var b = Vector256.Load(x + i + 8);
                first = MultiplyAdd(a, a, first);
                second = MultiplyAdd(b, b, second);
            }

            if (i < width)
            {
                var a = Vector256.Load(x + i);
                first = MultiplyAdd(a, a, first);
            }

            float scale = 1 / MathF.Sqrt((Sum(first + second) / width) + epsilon);
            if (inverse is not null) { inverse[row] = scale; }
            var factor = Vector256.Create(scale);
            for (i = 0; i < width; i += 8) { (Vector256.Load(x + i) * factor * Vector256.Load(weight + i)).Store(y + i); }
        }
    }

    /// <summary>Gradient of the input: r (w dy) − x r³/C Σ(w dy x).</summary>
    /// <param name="inverse">r, from <see cref="Forward"/>.</param>
    /// <param name="gradient">dy.</param>
    /// <param name="inputGradient">Added to, or replaced.</param>
    public static void Backward(float* input, int inputStride, float* weight, float* inverse, float* gradient, int gradientStride, float* inputGradient, int inputGradientStride, int rows, int width, bool add)
    {
        for (int row = 0; row < rows; row++)
        {
            float* x = input + ((long)row * inputStride), dy = gradient + ((long)row * gradientStride), dx = inputGradient + ((long)row * inputGradientStride);
            Vector256<float> sum = default;
            for (int i = 0; i < width; i += 8) { sum = MultiplyAdd(Vector256.Load(dy + i) * Vector256.Load(weight + i), Vector256.Load(x + i), sum); }
            float r = inverse[row];
            var scale = Vector256.Create(r);
            var factor = Vector256.Create(-(Sum(sum) / width) * r * r * r);
            for (int i = 0; i < width; i += 8)
            {
                var value = MultiplyAdd(Vector256.Load(x + i), factor, Vector256.Load(dy + i) * Vector256.Load(weight + i) * scale);
                (add ? Vector256.Load(dx + i) + value : value).Store(dx + i);
            }
        }
    }

    /// <summary>Adds the gradient of the weight: Σ_rows s dy x r.</summary>
    /// <param name="scale">s per row; null: 1.</param>
    /// <param name="weightGradient">Shape [width].</param>
    public static void WeightGradient(float* input, int inputStride, float* inverse, float* gradient, int gradientStride, float* scale, int scaleRows, float* weightGradient, int rows, int width)
    {
        for (int i = 0; i < width; i += 8)
        {
            Vector256<float> sum = default;
            for (int row = 0; row < rows; row++)
            {
                // A row of heads shares its token's scale.
                float factor = scale is null ? inverse[row] : inverse[row] * scale[row / scaleRows];
                sum = MultiplyAdd(Vector256.Load(gradient + ((long)row * gradientStride) + i) * Vector256.Create(factor), Vector256.Load(input + ((long)row * inputStride) + i), sum);
            }

            (Vector256.Load(weightGradient + i) + sum).Store(weightGradient + i);
        }
    }
}
