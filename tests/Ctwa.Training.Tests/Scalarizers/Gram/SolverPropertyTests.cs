using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>What is claimed of each solver, on random matrices up to 16 objectives; the properties are those of TorchJD's tests.</summary>
public sealed class SolverPropertyTests
{
    public static TheoryData<string> All() => [.. Solvers.Names];

    public static TheoryData<string, double> AtEveryScale()
    {
        var data = new TheoryData<string, double>();
        foreach (string name in Solvers.Names)
        {
            foreach (double scale in (double[])[0, 1e-10, 1e3, 1e5, 1e10, 1e15]) { data.Add(name, scale); }
        }

        return data;
    }

    /// <summary>Rows, columns, rank.</summary>
    private static readonly (int, int, int)[] shapes = [(1, 1, 1), (2, 3, 2), (3, 3, 1), (5, 4, 4), (9, 11, 5), (9, 11, 9), (16, 100, 7), (16, 100, 16)];

    [Theory]
    [MemberData(nameof(AtEveryScale))]
    public void Coefficients_and_direction_are_finite_at_every_scale(string solver, double scale)
    {
        foreach (var (rows, columns, rank) in shapes)
        {
            foreach (double[,] jacobian in (double[][,])[Jacobians.Normal(rows, columns, rank, rows), .. rows > 2 && columns > 1 ? (double[][,])[Jacobians.StronglyStationary(rows, columns, 1), Jacobians.StrictlyWeak(rows, columns, 1)] : []])
            {
                double[,] scaled = Jacobians.Scaled(jacobian, scale);
                double[] coefficients = Solvers.Solve(solver, Jacobians.Gram(scaled), Jacobians.Preference(rows, 3));
                Assert.All(coefficients, value => Assert.True(double.IsFinite(value)));
                Assert.All(Jacobians.Combine(scaled, coefficients), value => Assert.True(double.IsFinite(value)));
            }
        }
    }

    [Theory]
    [InlineData("mgda")]
    [InlineData("upgrad")]
    [InlineData("dualproj")]
    [InlineData("cagrad_1")]
    [InlineData("cagrad_2")]
    [InlineData("nash_mtl")]
    [InlineData("fairgrad_2")]
    [InlineData("imtl_g")]
    public void No_objective_is_worsened(string solver)
    {
        // Where all gradients lie on one line, c = 1 is exactly the radius at which d becomes 0, known to the root of rounding.
        double tolerance = solver == "cagrad_1" ? 1e-5 : 1e-7;
        for (int seed = 0; seed < 25; seed++)
        {
            foreach (var (rows, columns, rank) in shapes)
            {
                double[,] jacobian = Jacobians.Normal(rows, columns, rank, seed);
                // IMTL-G has equal projections only if the gradients are independent.
                if (solver == "imtl_g" && rank < rows) { continue; }
                double[] coefficients = Solvers.Solve(solver, Jacobians.Gram(jacobian), Jacobians.Preference(rows, seed));
                double largest = Jacobians.Length(Jacobians.Combine(jacobian, coefficients)) * Math.Sqrt(columns * rank) * 4;
                Assert.All(Jacobians.Improvements(jacobian, coefficients), value => Assert.True(value >= -tolerance * (1 + largest), $"{solver}, seed {seed}, {rows} x {columns}: {value}"));
            }
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_order_of_the_objectives_does_not_matter(string solver)
    {
        // PCGrad depends on the order in which gradients meet; without one it is equivariant with two objectives.
        foreach (var (rows, columns, rank) in shapes.Where(shape => solver != "pcgrad" || shape.Item1 <= 2))
        {
            for (int seed = 0; seed < 20; seed++)
            {
                double[,] jacobian = Jacobians.Normal(rows, columns, rank, seed);
                double[] preference = Jacobians.Preference(rows, seed);
                int[] order = [.. Enumerable.Range(0, rows).OrderBy(i => Randomness.CounterRandom.Bits(seed, Randomness.RandomPurpose.Test, 9, i, 0, 0))];
                double[] one = Solvers.Solve(solver, Jacobians.Gram(jacobian), preference);
                double[] two = Solvers.Solve(solver, Jacobians.Gram(Jacobians.Permuted(jacobian, order)), [.. order.Select(i => preference[i])]);
                double[] direction = Jacobians.Combine(jacobian, one);
                Jacobians.AssertClose(direction, Jacobians.Combine(Jacobians.Permuted(jacobian, order), two), 1e-5 * (1 + Jacobians.Length(direction)));

                // Where coefficients are unique, they are permuted too.
                if (rank == rows) { Jacobians.AssertClose([.. order.Select(i => one[i])], two, 1e-6 * (1 + one.Max(Math.Abs))); }
            }
        }
    }

    [Property(MaxTest = 100)]
    public void Upgrad_is_linear_in_the_lengths_of_the_gradients(int seed, byte first, byte second)
    {
        // For c ↦ UPGrad(diag(c) J): A(c + c') = A(c) + A(c').
        const int Rows = 5, Columns = 7;
        double[,] jacobian = Jacobians.Normal(Rows, Columns, 4, seed);
        double[] left = [.. Jacobians.Preference(Rows, first)], right = [.. Jacobians.Preference(Rows, 300 + second)];
        double[] Of(double[] lengths)
        {
            var scaled = (double[,])jacobian.Clone();
            for (int i = 0; i < Rows; i++)
            {
                for (int p = 0; p < Columns; p++) { scaled[i, p] *= lengths[i]; }
            }

            return Jacobians.Combine(scaled, DualCone.UPGrad(Jacobians.Gram(scaled), Jacobians.Uniform(Rows)));
        }

        double[] sum = Of([.. left.Zip(right, (a, b) => a + b)]);
        Jacobians.AssertClose([.. Of(left).Zip(Of(right), (a, b) => a + b)], sum, 1e-7);
    }

    [Property(MaxTest = 200)]
    public void Upgrad_stops_at_strongly_stationary_points_only(int seed, byte size)
    {
        int rows = 3 + (size % 13), columns = rows + 2;
        double Length(double[,] jacobian) => Jacobians.Length(Jacobians.Combine(jacobian, DualCone.UPGrad(Jacobians.Gram(jacobian), Jacobians.Uniform(rows))));
        Assert.True(Length(Jacobians.Normal(rows, columns, rows, seed)) > 5e-3);
        Assert.True(Length(Jacobians.NotStationary(rows, columns, seed)) > 5e-3);
        Assert.True(Length(Jacobians.StrictlyWeak(rows, columns, seed)) > 5e-3);
        Assert.True(Length(Jacobians.StronglyStationary(rows, columns, seed)) < 1e-5);
    }

    [Property(MaxTest = 100)]
    public void Mgda_stops_at_weakly_stationary_points_only(int seed, byte size)
    {
        int rows = 3 + (size % 13), columns = rows + 2;
        double Length(double[,] jacobian) => Jacobians.Length(Jacobians.Combine(jacobian, MinNorm.Solve(Jacobians.Gram(jacobian))));
        Assert.True(Length(Jacobians.NotStationary(rows, columns, seed)) > 5e-3);
        Assert.True(Length(Jacobians.StrictlyWeak(rows, columns, seed)) < 1e-6);
        Assert.True(Length(Jacobians.StronglyStationary(rows, columns, seed)) < 1e-6);
    }

    [Property(MaxTest = 200)]
    public void Pcgrad_equals_the_sum_of_upgrad_for_two_objectives(int seed)
    {
        double[,] gram = Jacobians.Gram(Jacobians.Normal(2, 4, 2, seed));
        Jacobians.AssertClose(DualCone.UPGrad(gram, [1, 1]), ConflictProjection.Solve(gram, [1, 1], _ => [0, 1]), 1e-9);
    }

    [Property(MaxTest = 200)]
    public void The_nash_solution_satisfies_its_equation_and_does_not_see_lengths(int seed, byte size)
    {
        int rows = 2 + (size % 15);
        double[,] jacobian = Jacobians.NotStationary(rows, rows + 3, seed), gram = Jacobians.Gram(jacobian);
        double[] preference = Jacobians.Preference(rows, seed), alpha = Bargaining.Solve(gram, preference), product = SmallMatrix.Apply(gram, alpha);
        for (int i = 0; i < rows; i++) { Assert.Equal(1, alpha[i] * product[i] / preference[i], 1e-8); }
        Assert.Equal(1, SmallMatrix.Quadratic(gram, alpha), 1e-8);
        for (int p = 0; p < jacobian.GetLength(1); p++) { jacobian[0, p] *= 0.1; }
        double[] shorter = Bargaining.Solve(Jacobians.Gram(jacobian), preference);
        Assert.Equal(10 * alpha[0], shorter[0], 1e-7 * shorter[0]);
        Jacobians.AssertClose(alpha[1..], shorter[1..], 1e-7 * alpha.Max());
    }

    [Fact]
    public void Where_gradients_cancel_or_vanish_there_is_nothing_to_agree_on()
    {
        double[,] opposed = Jacobians.Gram(new double[,] { { 1, 0 }, { -2, 0 } });
        Assert.Equal([0, 0], Bargaining.Solve(opposed, [.5, .5]));
        Assert.Equal([0, 0], EqualProjections.Solve(opposed, [.5, .5]));
        Jacobians.AssertClose([0, 0], ConflictAverse.Solve(Jacobians.Gram(new double[,] { { 1, 0 }, { -.5, 0 } }), [.5, .5], 1.5), 1e-12);
        double[] one = Bargaining.Solve(Jacobians.Gram(new double[,] { { 2, 0 }, { 0, 0 } }), [.5, .5]);
        Jacobians.AssertClose([Math.Sqrt(.5) / 2, 0], one, 1e-12);
        Assert.Contains("positive share", Assert.Throws<ArgumentException>(() => Bargaining.Solve(opposed, [1, 0])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cagrad_with_radius_zero_is_the_weighted_mean_and_its_direction_stays_within_the_radius()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            double[,] jacobian = Jacobians.Normal(5, 8, 5, seed), gram = Jacobians.Gram(jacobian);
            double[] preference = Jacobians.Preference(5, seed), mean = Jacobians.Combine(jacobian, preference);
            Assert.Equal(preference, ConflictAverse.Solve(gram, preference, 0));
            foreach (double c in (double[])[.2, .7, 1.5])
            {
                double[] direction = Jacobians.Combine(jacobian, ConflictAverse.Solve(gram, preference, c));
                Assert.Equal(c * Jacobians.Length(mean), Jacobians.Length([.. direction.Zip(mean, (a, b) => a - b)]), 1e-9);

                // The worst objective gains at least what it gains anywhere else in the ball.
                double worst = SmallMatrix.Apply(jacobian, direction).Min();
                for (int other = 0; other < 50; other++)
                {
                    double[] step = [.. Enumerable.Range(0, 8).Select(p => Randomness.CounterRandom.Normal(seed, Randomness.RandomPurpose.Test, 11, p, other, 0))];
                    double factor = c * Jacobians.Length(mean) / Jacobians.Length(step);
                    Assert.True(SmallMatrix.Apply(jacobian, [.. mean.Zip(step, (a, b) => a + (factor * b))]).Min() <= worst + 1e-9);
                }
            }
        }
    }

    [Fact]
    public void Imtl_g_never_turns_around_and_is_never_longer_than_the_longest_gradient()
    {
        int negative = 0;
        for (int seed = 0; seed < 300; seed++)
        {
            double[,] jacobian = Jacobians.Normal(3, 4, 3, seed);
            for (int p = 0; p < 4; p++) { jacobian[2, p] *= 0.05; }
            double[,] gram = Jacobians.Gram(jacobian);
            double[] coefficients = EqualProjections.Solve(gram, Jacobians.Uniform(3));
            negative += coefficients.Sum() < 0 ? 1 : 0;
            Assert.All(Jacobians.Improvements(jacobian, coefficients), value => Assert.True(value > 0));
            Assert.True(SmallMatrix.Quadratic(gram, coefficients) <= Enumerable.Range(0, 3).Max(i => gram[i, i]) * (1 + 1e-9));
        }

        Assert.True(negative > 0, "no case with a negative sum, at which the paper's scale turns the direction around.");
    }
}
