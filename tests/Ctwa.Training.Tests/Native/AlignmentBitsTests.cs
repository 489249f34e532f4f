using Ctwa.Training.Randomness;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Native;

/// <summary>What MKL_CBWR is set for: with MKL's defaults most of these differ (invariant I1).</summary>
public sealed class AlignmentBitsTests
{
    private const int Vectors = 200;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void Where_a_buffer_starts_does_not_change_the_bits_of_products(int offset)
    {
        using var noGrad = no_grad();
        for (int i = 0; i < Vectors; i++)
        {
            using var scope = NewDisposeScope();
            long length = 1000 + CounterRandom.Below(4000, 2, RandomPurpose.Test, 0, i, 0, 0);
            var rows = Normal(3, length, i);
            var moved = Moved(rows, offset);
            AssertBits.Equal(AssertBits.Floats(rows[0].dot(rows[1])), AssertBits.Floats(moved[0].dot(moved[1])));
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
}
