using System.Runtime.InteropServices;
using Xunit;

namespace Ctwa.Training.Tests.Numerics;

/// <summary>Equality of bits, in which 0 and −0 differ and a NaN equals itself.</summary>
internal static class AssertBits
{
    public static float[] Floats(Tensor tensor)
    {
        using var host = tensor.detach().cpu().contiguous();
        return MemoryMarshal.Cast<byte, float>(host.bytes).ToArray();
    }

    public static void Equal(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), "the float32 bits differ.");

    public static void Equal(ReadOnlySpan<double> expected, ReadOnlySpan<double> actual) =>
        Assert.True(MemoryMarshal.AsBytes(expected).SequenceEqual(MemoryMarshal.AsBytes(actual)), "the float64 bits differ.");
}
