using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>Exact outputs on two fixed matrices (the first is TorchJD's), re-derived independently.</summary>
public sealed class PinnedGradientsTests
{
    private const double FourDigits = 5.1e-5;

    [Theory]
    [InlineData("mgda", .5, .6, .4, 0, 1, 1)]
    [InlineData("pcgrad", 1, 2.2222, 1.5789, .5848, 3.8012, 3.8012)]
    [InlineData("upgrad", .5, 1.1111, .7895, .2924, 1.9006, 1.9006)]
    [InlineData("imtl_g", .5, .5923, .4077, .0767, 1, 1)]
    [InlineData("cagrad_0.5", .5, .7041, .5, .1835, 1.2041, 1.2041)]
    [InlineData("cagrad_1", .5, 1.2, .8, 0, 2, 2)]
    [InlineData("aligned_mtl", .5, .5591, .4083, .2133, .9673, .9673)]
    [InlineData("nash_mtl", 1, .5915, .4071, .0766, .9985, .9985)]
    [InlineData("fairgrad_2", 1, .4714, .3195, .0314, .7908, .7908)]
    [InlineData("dualproj", .5, .6111, .5, .5556, 1.1111, 1.1111)]
    public void Two_conflicting_gradients_give_the_published_combination(string solver, double share, double first, double second, double x, double y, double z)
    {
        double[] coefficients = Solvers.Solve(solver, Jacobians.Gram(Jacobians.Pinned), [share, share]);
        Jacobians.AssertClose([first, second], coefficients, FourDigits);
        Jacobians.AssertClose([x, y, z], Jacobians.Combine(Jacobians.Pinned, coefficients), 6 * FourDigits);
    }

    [Fact]
    public void Fairgrad_moves_towards_the_worst_off_objective()
    {
        double[] coefficients = Bargaining.Solve(Jacobians.Gram(Jacobians.Pinned), [1, 1], fairness: 5);
        Jacobians.AssertClose([.3759, .2523], coefficients, FourDigits);
    }

    [Fact]
    public void A_bound_of_one_on_the_nash_direction_gives_the_published_one()
    {
        double[,] gram = Jacobians.Gram(Jacobians.Pinned);
        double[] bounded = StepLength.AtMost(gram, Bargaining.Solve(gram, [1, 1]), 1);
        Jacobians.AssertClose([.0542, .7061, .7061], Jacobians.Combine(Jacobians.Pinned, bounded), FourDigits);

        // With a preference that sums to 1 the length is 1 by itself.
        Jacobians.AssertClose(bounded, Bargaining.Solve(gram, [.5, .5]), 1e-12);
    }

    [Theory]
    [InlineData("mgda", 1.0 / 3, .393586, .329446, .276968)]
    [InlineData("imtl_g", 1.0 / 3, .386564, .332489, .280947)]
    [InlineData("nash_mtl", 1, 1.721019, 1.489193, 1.317907)]
    [InlineData("fairgrad_2", 1, 2.005413, 1.710076, 1.480745)]
    [InlineData("upgrad", 1.0 / 3, .701149, .622222, .559387)]
    public void Three_conflicting_gradients_give_the_derived_coefficients(string solver, double share, double first, double second, double third) =>
        Jacobians.AssertClose([first, second, third], Solvers.Solve(solver, Jacobians.Gram(Jacobians.ThreeRows), [share, share, share]), 6e-7);

    [Fact]
    public void The_three_row_case_has_the_derived_length_and_equal_projections()
    {
        double[,] gram = Jacobians.Gram(Jacobians.ThreeRows);
        Assert.Equal(.145773, SmallMatrix.Quadratic(gram, MinNorm.Solve(gram)), 6e-7);
        double[] improvements = Jacobians.Improvements(Jacobians.ThreeRows, EqualProjections.Solve(gram, Jacobians.Uniform(3)));
        Jacobians.AssertClose([.136036, .136036, .136036], [.. improvements.Select((value, i) => value / Math.Sqrt(gram[i, i]))], 6e-7);
    }
}
