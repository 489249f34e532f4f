using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

public sealed class NonNegativeQuadraticTests
{
    [Property(MaxTest = 300)]
    public void The_optimality_conditions_hold_and_no_other_support_does_better(int seed, byte size)
    {
        int count = 1 + (size % 6);
        double[,] factor = Jacobians.Normal(count, count + 1, count, seed), q = Jacobians.Gram(factor);
        double[] c = SmallMatrix.Apply(q, [.. Jacobians.Preference(count, seed).Select((value, i) => i % 2 == 0 ? value : -value)]);
        double[] x = NonNegativeQuadratic.Solve(q, c);
        double Value(double[] point) => (SmallMatrix.Quadratic(q, point) / 2) - SmallMatrix.Dot(c, point);
        double best = Value(x);
        Assert.All(x, value => Assert.True(value >= 0));

        // Every support by hand.
        for (int support = 0; support < 1 << count; support++)
        {
            int[] rows = [.. Enumerable.Range(0, count).Where(i => (support >> i & 1) == 1)];
            if (!SmallMatrix.TrySolve(SmallMatrix.Part(q, rows), [.. rows.Select(row => c[row])], 1e-12, out double[] values) || values.Any(value => value < 0)) { continue; }
            double[] point = new double[count];
            for (int i = 0; i < rows.Length; i++) { point[rows[i]] = values[i]; }
            Assert.True(best <= Value(point) + 1e-9);
        }
    }

    [Property(MaxTest = 200)]
    public void Jacobi_rotations_diagonalise(int seed, byte size, byte rank)
    {
        int count = 1 + (size % 16);
        double[,] gram = Jacobians.Gram(Jacobians.Normal(count, 20, 1 + (rank % count), seed));
        var eigen = SymmetricEigen.Of(gram);
        double largest = eigen.Values.Max();
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++)
            {
                double rebuilt = 0, product = 0;
                for (int k = 0; k < count; k++)
                {
                    rebuilt += eigen.Vectors[i, k] * eigen.Values[k] * eigen.Vectors[j, k];
                    product += eigen.Vectors[k, i] * eigen.Vectors[k, j];
                }

                Assert.Equal(gram[i, j], rebuilt, 1e-12 * largest);
                Assert.Equal(i == j ? 1 : 0, product, 1e-12);
            }
        }
    }
}
