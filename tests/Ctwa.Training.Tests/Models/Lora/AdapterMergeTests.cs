using Ctwa.Training.Models.Lora;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Lora;

public sealed class AdapterMergeTests : IDisposable
{
    private readonly DisposeScope _scope = NewDisposeScope();

    public void Dispose() => _scope.Dispose();

    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(5, 7, 2)]
    [InlineData(33, 17, 16)]
    [InlineData(64, 96, 8)]
    public void A_merged_weight_is_what_a_float64_loop_gives(int outputs, int inputs, int rank)
    {
        Tensor w = TinyAdapter.Noise(1, outputs, inputs), a = TinyAdapter.Noise(2, rank, inputs), b = TinyAdapter.Noise(3, outputs, rank);
        const double scale = 1.75;
        float[] merged = AdapterMerge.Merge(w, a, b, scale).data<float>().ToArray(), weights = w.data<float>().ToArray(), left = b.data<float>().ToArray(), right = a.data<float>().ToArray();
        for (int o = 0; o < outputs; o++)
        {
            for (int i = 0; i < inputs; i++)
            {
                double sum = 0, size = Math.Abs(weights[(o * inputs) + i]);
                for (int r = 0; r < rank; r++)
                {
                    double term = (double)left[(o * rank) + r] * right[(r * inputs) + i];
                    sum += term;
                    size += scale * Math.Abs(term);
                }

                // Rounding of a dot product of that many terms, a product and a sum.
                Assert.Equal(weights[(o * inputs) + i] + (scale * sum), merged[(o * inputs) + i], (rank + 3) * Math.Pow(2, -24) * size);
            }
        }
    }

    [Fact]
    public void An_adapter_of_zeros_changes_no_bit_and_16_bit_weights_are_merged_in_float32()
    {
        Tensor w = TinyAdapter.Noise(1, 6, 9), a = TinyAdapter.Noise(2, 4, 9), b = zeros(6, 4);
        Assert.True(AdapterMerge.Merge(w, a, b, 2).bytes.SequenceEqual(w.bytes));
        var merged = AdapterMerge.Merge(w.to(bfloat16), a, TinyAdapter.Noise(3, 6, 4), 1e-4);
        Assert.Equal(float32, merged.dtype);
        Assert.False(merged.equal(merged.to(bfloat16).to(float32)).all().item<bool>());
    }

    [Theory]
    [InlineData(6, 8, 4)]
    [InlineData(7, 9, 4)]
    [InlineData(6, 9, 3)]
    public void Shapes_that_do_not_belong_together_are_an_error(int outputs, int inputs, int rank)
    {
        var error = Assert.Throws<ArgumentException>(() => AdapterMerge.Merge(zeros(6, 9), zeros(4, inputs), zeros(outputs, rank), 1));
        Assert.Contains("do not belong together", error.Message, StringComparison.Ordinal);
    }
}
