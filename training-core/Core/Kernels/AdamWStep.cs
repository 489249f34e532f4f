using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using static Ctwa.Training.Kernels.VectorMath;

namespace Ctwa.Training.Kernels;

/// <summary>AdamW (arXiv 1711.05101) over vectors on the host in one pass: every number is read once and written once. PyTorch's formulas.</summary>
internal static unsafe class AdamWStep
{
    /// <summary>What is the same for all elements.</summary>
    public readonly record struct Factors(float GradientScale, float Decay, float FirstWeight, float SecondDecay, float SecondWeight, float InverseCorrection, float Epsilon, float StepSize);

    /// <param name="gradient">Scaled in place.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Apply(float* parameters, float* first, float* second, float* gradient, long count, in Factors factors)
    {
        long i = 0;
        var (scale, decay, weight) = (Vector256.Create(factors.GradientScale), Vector256.Create(factors.Decay), Vector256.Create(factors.FirstWeight));
        var (secondDecay, secondWeight, correction) = (Vector256.Create(factors.SecondDecay), Vector256.Create(factors.SecondWeight), Vector256.Create(factors.InverseCorrection));
        var (epsilon, step) = (Vector256.Create(factors.Epsilon), Vector256.Create(-factors.StepSize));
        bool scaled = factors.GradientScale != 1;
        for (; i + 8 <= count; i += 8)
        {
            var g = Vector256.Load(gradient + i);
            if (scaled)
            {
                g *= scale;
                g.Store(gradient + i);
            }

            var m = Vector256.Load(first + i);
            m = MultiplyAdd(weight, g - m, m);
            m.Store(first + i);
            var v = (Vector256.Load(second + i) * secondDecay) + (secondWeight * g * g);
            v.Store(second + i);
            var denominator = (Vector256.Sqrt(v) * correction) + epsilon;
            (Vector256.Load(parameters + i) * decay + (step * m / denominator)).Store(parameters + i);
        }

        for (; i < count; i++)
        {
            float g = scaled ? gradient[i] *= factors.GradientScale : gradient[i];
            float m = first[i] = MathF.FusedMultiplyAdd(factors.FirstWeight, g - first[i], first[i]);
            float v = second[i] = (second[i] * factors.SecondDecay) + (factors.SecondWeight * g * g);
            parameters[i] = (parameters[i] * factors.Decay) + (-factors.StepSize * m / ((MathF.Sqrt(v) * factors.InverseCorrection) + factors.Epsilon));
        }
    }
}
