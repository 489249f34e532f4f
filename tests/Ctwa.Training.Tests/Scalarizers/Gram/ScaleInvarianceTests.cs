using Xunit;

namespace Ctwa.Training.Scalarizers.Gram;

/// <summary>
/// The two-objective problem of CAGrad and Nash-MTL (Navon et al., experiments/toy/problem.py) with Adam at 1e-3 for 35,000 steps. Its
/// five starts are A to E; B, D and E are used here (A and C behave alike, at the cost of the same time again). Minima of the end
/// points were re-derived with other software.
/// </summary>
public sealed class ScaleInvarianceTests
{
    private const int Steps = 35_000;

    [Theory]
    [InlineData("B", 0, 0, 0, -8.36)]
    [InlineData("D", -7.5, -.5, -3.29, -8.37)]
    [InlineData("E", 9, -1, 4.89, -8.40)]
    public void Nash_ends_at_the_same_point_when_a_loss_is_scaled_and_linear_collapses(string start, double x1, double x2, double end1, double end2)
    {
        double[] nash = Descend(x1, x2, 1, gram => Bargaining.Solve(gram, [.5, .5])), scaledNash = Descend(x1, x2, 0.1, gram => Bargaining.Solve(gram, [.5, .5]));
        Jacobians.AssertClose([end1, end2], nash, 0.1);
        Jacobians.AssertClose(nash, scaledNash, 1e-3);
        var (first, second) = Losses(nash[0], nash[1]);
        Assert.True(first < -5 && second < -5, $"start {start}: both losses end low, ({first}, {second}).");

        double[] linear = Descend(x1, x2, 1, _ => [.5, .5]), scaledLinear = Descend(x1, x2, 0.1, _ => [.5, .5]);
        Jacobians.AssertClose([0, -8.36], linear, 0.1);
        var (small, large) = Losses(scaledLinear[0], scaledLinear[1]);
        Assert.Equal(-.38, 0.1 * small, 0.1);
        Assert.Equal(-19.83, large, 0.1);
    }

    private static double[] Descend(double x1, double x2, double scale, Func<double[,], double[]> solve)
    {
        double[] x = [x1, x2], momentum = new double[2], variance = new double[2];
        for (int step = 1; step <= Steps; step++)
        {
            double[,] gradients = Gradients(x[0], x[1]);
            (gradients[0, 0], gradients[0, 1]) = (scale * gradients[0, 0], scale * gradients[0, 1]);
            double[] direction = Jacobians.Combine(gradients, solve(Jacobians.Gram(gradients)));
            for (int k = 0; k < 2; k++)
            {
                momentum[k] = (0.9 * momentum[k]) + (0.1 * direction[k]);
                variance[k] = (0.999 * variance[k]) + (0.001 * direction[k] * direction[k]);
                x[k] -= 1e-3 * (momentum[k] / (1 - Math.Pow(0.9, step))) / (Math.Sqrt(variance[k] / (1 - Math.Pow(0.999, step))) + 1e-8);
            }
        }

        return x;
    }

    private static (double First, double Second) Losses(double x1, double x2)
    {
        var (value, _) = Evaluate(x1, x2);
        return (value[0], value[1]);
    }

    private static double[,] Gradients(double x1, double x2) => Evaluate(x1, x2).Gradients;

    private static (double[] Values, double[,] Gradients) Evaluate(double x1, double x2)
    {
        const double Lower = 5e-6;
        double tanh = Math.Tanh(-x2), slope = -(1 - (tanh * tanh));
        (double Value, double By1, double By2) Valley(double inner, double by2)
        {
            double size = Math.Abs(inner);
            return size < Lower ? (Math.Log(Lower) + 6, 0, 0) : (Math.Log(size) + 6, -0.5 / inner, by2 / inner);
        }

        var up = ((double Value, double By1, double By2)[])[Valley((0.5 * (-x1 - 7)) - tanh, -slope), Valley((0.5 * (-x1 + 3)) + tanh + 2, slope)];
        double half = Math.Tanh(0.5 * x2), halfSlope = 0.5 * (1 - (half * half));
        double above = Math.Max(half, 0), aboveSlope = half >= 0 ? halfSlope : 0, below = Math.Max(-half, 0), belowSlope = half <= 0 ? -halfSlope : 0;
        var values = new double[2];
        var gradients = new double[2, 2];
        for (int i = 0; i < 2; i++)
        {
            double across = -x1 + (i == 0 ? 7 : -7), down = -x2 - 8, bowl = (((across * across) + (0.1 * down * down)) / 10) - 20;
            values[i] = (up[i].Value * above) + (bowl * below);
            gradients[i, 0] = (up[i].By1 * above) - (across / 5 * below);
            gradients[i, 1] = (up[i].By2 * above) + (up[i].Value * aboveSlope) - (0.02 * down * below) + (bowl * belowSlope);
        }

        return (values, gradients);
    }
}
