using Ctwa.Training.Gradients;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Gradients;

public sealed class FlatBlocksTests
{
    private const int Block = FlatBlocks.BlockSize;
    private const long Length = (197L * Block) + 777;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Slices_at_block_boundaries_change_no_bit(int threads)
    {
        torch.set_num_threads(threads);
        try
        {
            using var scope = torch.NewDisposeScope();
            var rows = Rows(3);
            var whole = FlatBlocks.SumGram(3, FlatBlocks.GramByBlock(rows));
            double wholeSquares = FlatBlocks.Sum(FlatBlocks.SumOfSquaresByBlock(rows[1]));
            Assert.Equal(whole[1, 1], wholeSquares);
            foreach (int count in (int[])[1, 2, 3, 7])
            {
                var grams = new List<double[]>();
                var squares = new List<double[]>();
                for (int s = 0; s < count; s++)
                {
                    long first = 197L * s / count * Block, end = s == count - 1 ? Length : 197L * (s + 1) / count * Block;
                    // Every other slice lies in its own memory, four bytes off the alignment of the vector.
                    Tensor slice = rows.narrow(1, first, end - first);
                    if (s % 2 == 1) { slice = torch.cat([torch.zeros(3, 1), slice], 1).narrow(1, 1, end - first); }
                    grams.Add(FlatBlocks.GramByBlock(slice));
                    squares.Add(FlatBlocks.SumOfSquaresByBlock(slice[1]));
                }

                Assert.Equal(wholeSquares, FlatBlocks.Sum(squares));
                Assert.Equal(whole, FlatBlocks.SumGram(3, grams));
            }
        }
        finally
        {
            torch.set_num_threads(1);
        }
    }

    [Fact]
    public void Sums_equal_a_plain_float64_loop()
    {
        using var scope = torch.NewDisposeScope();
        var rows = Rows(4);
        float[] numbers = AssertBits.Floats(rows);
        var gram = FlatBlocks.SumGram(4, FlatBlocks.GramByBlock(rows));
        for (int i = 0; i < 4; i++)
        {
            for (int j = 0; j < 4; j++)
            {
                double sum = 0, magnitude = 0;
                for (long k = 0; k < Length; k++)
                {
                    double product = (double)numbers[(i * Length) + k] * numbers[(j * Length) + k];
                    sum += product;
                    magnitude += Math.Abs(product);
                }

                Assert.Equal(sum, gram[i, j], 1e-12 * magnitude);
                Assert.Equal(gram[i, j], gram[j, i]);
            }

            double squares = FlatBlocks.Sum(FlatBlocks.SumOfSquaresByBlock(rows[i]));
            Assert.Equal(gram[i, i], squares, 1e-12 * squares);
        }
    }

    [Fact]
    public void Block_sums_are_their_definition()
    {
        // The halving written out: the bits that any device must give.
        using var scope = torch.NewDisposeScope();
        var row = Rows(1)[0].narrow(0, 3 * Block, Block);
        double[] sums = [.. AssertBits.Floats(row).Select(x => (double)x * x)];
        for (int width = Block / 2; width >= 1; width /= 2)
        {
            for (int k = 0; k < width; k++) { sums[k] += sums[k + width]; }
        }

        AssertBits.Equal([sums[0]], FlatBlocks.SumOfSquaresByBlock(row));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Products_of_every_pair_are_their_definition_wherever_the_rows_lie(int count)
    {
        using var scope = torch.NewDisposeScope();
        long length = (2 * Block) + 777;
        torch.Tensor[] rows = [.. Enumerable.Range(0, count).Select(row => Rows(count)[row].narrow(0, 16 * row, length).clone())];
        double[] together = FlatBlocks.GramByBlock(torch.stack(rows)), apart = FlatBlocks.GramByBlock(rows);
        AssertBits.Equal(together, apart);
        int pair = 0, pairs = count * (count + 1) / 2;
        for (int i = 0; i < count; i++)
        {
            for (int j = i; j < count; j++, pair++)
            {
                float[] one = AssertBits.Floats(rows[i]), other = AssertBits.Floats(rows[j]);
                for (int block = 0; block < 3; block++)
                {
                    double[] sums = [.. Enumerable.Range(block * Block, Block).Select(k => k < length ? (double)one[k] * other[k] : 0)];
                    for (int width = Block / 2; width >= 1; width /= 2)
                    {
                        for (int k = 0; k < width; k++) { sums[k] += sums[k + width]; }
                    }

                    AssertBits.Equal([sums[0]], [apart[(block * pairs) + pair]]);
                }
            }
        }
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.NegativeInfinity)]
    public void A_number_that_is_not_finite_is_found_with_its_block(float bad)
    {
        using var scope = torch.NewDisposeScope();
        var row = torch.full([70L * Block], float.MaxValue);
        Assert.Equal(-1, FlatBlocks.FirstNonFinite(FlatBlocks.SumOfSquaresByBlock(row)));
        row[(66L * Block) + 5] = torch.tensor(bad);
        Assert.Equal(66, FlatBlocks.FirstNonFinite(FlatBlocks.SumOfSquaresByBlock(row)));
    }

    [Fact]
    public void Inputs_stay_as_they_were_and_empty_slices_add_nothing()
    {
        using var scope = torch.NewDisposeScope();
        var rows = Rows(2);
        float[] before = AssertBits.Floats(rows);
        FlatBlocks.GramByBlock(rows);
        AssertBits.Equal(before, AssertBits.Floats(rows));
        Assert.Empty(FlatBlocks.SumOfSquaresByBlock(rows[0].narrow(0, 0, 0)));
        Assert.Throws<ArgumentException>(() => FlatBlocks.GramByBlock(rows.to(torch.ScalarType.Float64)));
        Assert.Throws<ArgumentException>(() => FlatBlocks.SumGram(3, [1, 2, 3, 4]));
    }

    [Fact]
    public void Clipping_brings_the_norm_to_the_bound()
    {
        Assert.Equal(1, GradientClipper.Scale(0.5, 1));
        Assert.Equal(1, GradientClipper.Scale(5, 0));
        Assert.Equal(1, GradientClipper.Scale(0, 1));
        Assert.Equal(2 / (8 + 1e-6), GradientClipper.Scale(8, 2));
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClipper.Scale(double.NaN, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => GradientClipper.Scale(double.PositiveInfinity, 0));
    }

    private static Tensor Rows(int count)
    {
        var line = torch.arange(count * Length, dtype: torch.ScalarType.Float64);
        return ((line * 0.7331).sin() * ((line * 0.011).cos() * 6).exp()).to(torch.ScalarType.Float32).reshape(count, Length);
    }
}
