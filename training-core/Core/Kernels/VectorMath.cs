using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Ctwa.Training.Kernels;

/// <summary>
/// Vectors of eight float32. Every operation is one IEEE operation or a fixed sequence of them, so the bits are the same on every processor, whatever its
/// instruction set (invariant I1). Kernels are compiled with full optimization at once (<c>AggressiveOptimization</c>): vector code that waits for the runtime's second
/// compilation is tens of times slower, and a short job would never see it.
/// </summary>
internal static class VectorMath
{
    /// <summary>Elements of a vector.</summary>
    public const int Width = 8;

    /// <summary>a × b + c, rounded once.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) => Vector256.FusedMultiplyAdd(a, b, c);

    /// <summary>
    /// e^x to about 1.5 units in the last place, for x from −87 to 88 and clamped outside; NaN stays NaN. Range reduction by ln 2 in two parts and a polynomial of
    /// degree 5, as in Cephes' expf.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Exp(Vector256<float> x)
    {
        // The second operand is what comes out if either is NaN.
        x = Vector256.MinNative(Vector256.Create(88.37626f), Vector256.MaxNative(Vector256.Create(-87.33654f), x));
        var n = Vector256.Round(x * Vector256.Create(1.44269504088896341f));
        var r = MultiplyAdd(n, Vector256.Create(-0.693359375f), x);
        r = MultiplyAdd(n, Vector256.Create(2.12194440e-4f), r);
        var p = MultiplyAdd(Vector256.Create(1.9875691500e-4f), r, Vector256.Create(1.3981999507e-3f));
        p = MultiplyAdd(p, r, Vector256.Create(8.3334519073e-3f));
        p = MultiplyAdd(p, r, Vector256.Create(4.1665795894e-2f));
        p = MultiplyAdd(p, r, Vector256.Create(1.6666665459e-1f));
        p = MultiplyAdd(p, r, Vector256.Create(5.0000001201e-1f));
        var y = MultiplyAdd(p, r * r, r) + Vector256<float>.One;
        var scale = Vector256.ShiftLeft(Vector256.ConvertToInt32(n) + Vector256.Create(127), 23).AsSingle();
        return y * scale;
    }

    /// <summary>The same for one number.</summary>
    public static float Exp(float x) => Exp(Vector256.Create(x)).ToScalar();

    /// <summary>1 / (1 + e^−x).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Sigmoid(Vector256<float> x) => Vector256<float>.One / (Vector256<float>.One + Exp(-x));

    /// <summary>The elements' sum, in a fixed order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> x)
    {
        var half = x.GetLower() + x.GetUpper();
        return (half.GetElement(0) + half.GetElement(2)) + (half.GetElement(1) + half.GetElement(3));
    }

    /// <summary>The largest element; NaN if one is.</summary>
    public static float Max(Vector256<float> x)
    {
        float largest = x.GetElement(0);
        for (int i = 1; i < Width; i++) { largest = Math.Max(largest, x.GetElement(i)); }
        return largest;
    }

    /// <summary>The largest of some numbers; NaN if one is; −∞ of none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe float Largest(float* values, int count)
    {
        float largest = float.NegativeInfinity;
        int i = 0;
        if (count >= Width)
        {
            var max = Vector256.Load(values);
            for (i = Width; i + Width <= count; i += Width) { max = Vector256.Max(max, Vector256.Load(values + i)); }
            largest = Max(max);
        }

        for (; i < count; i++) { largest = Math.Max(largest, values[i]); }
        return largest;
    }
}
