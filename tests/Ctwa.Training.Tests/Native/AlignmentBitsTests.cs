using System.Runtime.InteropServices;
using Ctwa.Training.Randomness;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Native;

/// <summary>
/// What MKL_CBWR is set for (invariant I1). With MKL's defaults most of these differ on AMD processors with AVX-512;
/// where MKL's own choice happens to be insensitive, they pass without it.
/// </summary>
public sealed class AlignmentBitsTests
{
    private const int Vectors = 200;

    [Fact]
    public void Native_code_sees_the_setting()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the setting is made on Linux only.");
        Assert.Equal("AVX2", Marshal.PtrToStringUTF8(NativeVariable("MKL_CBWR"u8.ToArray().Append((byte)0).ToArray())));
    }

    [Theory]
    [InlineData(1, 1000)]
    [InlineData(2, 1000)]
    [InlineData(7, 1000)]
    [InlineData(1, 30_000)]
    public void Where_a_buffer_starts_does_not_change_the_bits_of_products(int offset, int shortest)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < (shortest > 1000 ? Vectors / 20 : Vectors); i++)
        {
            using var scope = NewDisposeScope();
            long length = shortest + CounterRandom.Below(4000, 2, RandomPurpose.Test, 0, i, 0, 0);
            var rows = Normal(3, length, i);
            var moved = Moved(rows, offset);
            var expected = AssertBits.Floats(rows[0].dot(rows[1]));
            AssertBits.Equal(expected, AssertBits.Floats(moved[0].dot(moved[1])));
            AssertBits.Equal(expected, AssertBits.Floats(rows[0].dot(moved[1])));
            AssertBits.Equal(AssertBits.Floats(rows.mm(rows.t())), AssertBits.Floats(moved.mm(moved.t())));
            AssertBits.Equal(AssertBits.Floats(nn.functional.linear(rows.narrow(0, 0, 1), rows)), AssertBits.Floats(nn.functional.linear(moved.narrow(0, 0, 1), moved)));
        }
    }

    /// <summary>The same numbers, <paramref name="offset"/> elements off the allocation's alignment.</summary>
    private static Tensor Moved(Tensor rows, int offset)
    {
        var flat = zeros(rows.numel() + offset).narrow(0, offset, rows.numel());
        return flat.copy_(rows.flatten()).view(rows.shape);
    }

    private static Tensor Normal(long rows, long length, int index)
    {
        float[] values = new float[rows * length];
        for (int i = 0; i < values.Length; i++) { values[i] = (float)(CounterRandom.Uniform(3, RandomPurpose.Test, index, i, 0, 0) - 0.5); }
        return tensor(values, [rows, length]);
    }

    // Environment.GetEnvironmentVariable has a copy of its own.
    [DllImport("libc", EntryPoint = "getenv")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint NativeVariable(byte[] name);
}
