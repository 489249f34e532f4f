using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

public sealed class MinNormTests
{
    [Property(MaxTest = 400)]
    public void The_optimality_conditions_hold_on_random_matrices(byte size, byte width, byte rank, int seed)
    {
        int rows = 1 + (size % 16), columns = 1 + (width % 24);
        double[,] jacobian = Jacobians.Normal(rows, columns, 1 + (rank % Math.Min(rows, columns)), seed);
        double[] weights = MinNorm.Solve(Jacobians.Gram(jacobian)), improvements = Jacobians.Improvements(jacobian, weights);
        double square = Math.Pow(Jacobians.Length(Jacobians.Combine(jacobian, weights)), 2), size2 = Enumerable.Range(0, rows).Max(i => SmallMatrix.Dot(Row(jacobian, i), Row(jacobian, i)));
        Assert.Equal(1, weights.Sum(), 1e-12);
        for (int i = 0; i < rows; i++)
        {
            // Stationary: ⟨d, g_i⟩ ≥ ‖d‖², and equal where the weight is not 0.
            Assert.True(weights[i] >= 0);
            Assert.True(improvements[i] >= square - (1e-8 * size2), $"objective {i}: {improvements[i]} < {square}");
            if (weights[i] > 1e-7) { Assert.Equal(square, improvements[i], 1e-8 * size2); }
        }
    }

    [Fact]
    public void Equal_gradients_share_equally_where_the_reference_gives_all_to_one()
    {
        double[,] two = Jacobians.Gram(new double[,] { { 1, 2 }, { 1, 2 } });
        Jacobians.AssertClose([.5, .5], MinNorm.Solve(two), 1e-12);
        Assert.Equal([0, 1], MgdaReferenceScalarizer.Weights(two).Weights);
        Jacobians.AssertClose([.5, .5, 0], MinNorm.Solve(Jacobians.Gram(new double[,] { { 1, 2 }, { 1, 2 }, { 5, 5 } })), 1e-12);
        Jacobians.AssertClose([.25, .25, .25, .25], MinNorm.Solve(Jacobians.Gram(new double[,] { { 1, 1 }, { 1, -1 }, { -1, 1 }, { -1, -1 } })), 1e-12);
    }

    [Fact]
    public void Opposed_gradients_of_any_length_share_equally_where_the_reference_does_not_see_short_ones()
    {
        double[,] tiny = Jacobians.Gram(new double[,] { { 1e-7, 0 }, { -1e-7, 0 } });
        Jacobians.AssertClose([.5, .5], MinNorm.Solve(tiny), 1e-12);
        Jacobians.AssertClose([.02, .98], MgdaReferenceScalarizer.Weights(tiny).Weights, 1e-9);
    }

    [Fact]
    public void Short_gradients_of_three_objectives_are_balanced_where_the_reference_stays_near_equal_weights()
    {
        double[,] gram = Jacobians.Gram(Jacobians.Scaled(Jacobians.ThreeRows, 1e-7));
        Jacobians.AssertClose([.393586, .329446, .276968], MinNorm.Solve(gram), 6e-7);
        Assert.True(MgdaReferenceScalarizer.Weights(gram).Weights.All(weight => Math.Abs(weight - (1.0 / 3)) < 1e-3));
    }

    [Fact]
    public void No_gradients_at_all_give_equal_weights() => Jacobians.AssertClose(Jacobians.Uniform(3), MinNorm.Solve(new double[3, 3]), 0);

    [Theory]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_gradient_that_is_not_finite_is_refused(double value) =>
        Assert.Contains("gradients must be finite", Assert.Throws<ArgumentException>(() => MinNorm.Solve(new double[,] { { 1, value }, { value, 1 } })).Message, StringComparison.Ordinal);

    [Fact]
    public void More_than_sixteen_objectives_and_negative_squares_are_refused()
    {
        Assert.Contains("1 to 16", Assert.Throws<ArgumentException>(() => MinNorm.Solve(new double[17, 17])).Message, StringComparison.Ordinal);
        Assert.Contains("cannot be negative", Assert.Throws<ArgumentException>(() => MinNorm.Solve(new double[,] { { -1 } })).Message, StringComparison.Ordinal);
    }

    private static double[] Row(double[,] matrix, int row) => [.. Enumerable.Range(0, matrix.GetLength(1)).Select(p => matrix[row, p])];
}
