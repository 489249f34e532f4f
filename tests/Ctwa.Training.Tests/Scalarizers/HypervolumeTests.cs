using Ctwa.Training.Randomness;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class HypervolumeTests
{
    private const int FrontPoints = 20_000;

    /// <summary>Fronts of minimised objectives as points to maximise: (−f1, −f2).</summary>
    private static List<double[]> Front(Func<double, (double F1, double F2)> at) =>
        [.. Enumerable.Range(0, FrontPoints + 1).Select(i => at((double)i / FrontPoints)).Select(f => new[] { -f.F1, -f.F2 })];

    private static (double F1, double F2) Zdt1(double t) => (t, 1 - Math.Sqrt(t));

    private static (double F1, double F2) Zdt2(double t) => (t, 1 - (t * t));

    private static (double F1, double F2) Vlmop1(double t) => (t * t, (1 - t) * (1 - t));

    private static (double F1, double F2) FonsecaFleming(double t) => (1 - Math.Exp(-Math.Pow((2 * t) - 2, 2)), 1 - Math.Exp(-Math.Pow(2 * t, 2)));

    public static TheoryData<string, double, double> KnownFronts() => new()
    {
        { "zdt1", 1, 0.6667 }, { "zdt1", 1.1, 0.8767 }, { "zdt2", 1, 0.3333 }, { "zdt2", 1.1, 0.5433 },
        { "vlmop1", 1, 0.8333 }, { "fonseca-fleming", 1, 0.3421 }, { "fonseca-fleming", 1.1, 0.5521 },
    };

    [Theory]
    [MemberData(nameof(KnownFronts))]
    public void The_fronts_of_known_problems_have_their_known_hypervolumes(string problem, double reference, double expected)
    {
        var points = Front(problem switch { "zdt1" => Zdt1, "zdt2" => Zdt2, "vlmop1" => Vlmop1, _ => FonsecaFleming });
        Assert.Equal(expected, Hypervolume.Of(points, [-reference, -reference]), 2e-4);
    }

    [Fact]
    public void Boxes_that_overlap_count_once()
    {
        Assert.Equal(0, Hypervolume.Of([], [0, 0]));
        Assert.Equal(3, Hypervolume.Of([[1], [3], [2]], [0]));
        Assert.Equal(5, Hypervolume.Of([[1, 3], [2, 2], [1, 3], [1, 1]], [0, 0]));
        Assert.Equal(4, Hypervolume.Of([[2, 1, 1], [1, 2, 1], [1, 1, 2]], [0, 0, 0]), 1e-12);
        Assert.Equal(0, Hypervolume.Of([[5, 0], [-1, 7]], [0, 0]));
    }

    /// <summary>Against inclusion and exclusion over all subsets, an independent definition.</summary>
    [Property(MaxTest = 60)]
    public bool Random_sets_of_one_to_six_objectives_have_the_volume_of_their_union(int seed)
    {
        for (int width = 1; width <= Hypervolume.MaxObjectives; width++)
        {
            // A coarse grid gives ties in single objectives and points that are equal.
            double[][] points = [.. Enumerable.Range(0, 7).Select(i => Enumerable.Range(0, width).Select(j => Math.Round(5 * CounterRandom.Uniform(seed, RandomPurpose.Test, width, i, j, 0))).ToArray())];
            double expected = 0;
            for (int subset = 1; subset < 1 << points.Length; subset++)
            {
                double volume = 1;
                for (int j = 0; j < width; j++) { volume *= points.Where((_, i) => (subset >> i & 1) == 1).Min(point => point[j]); }
                expected += int.IsOddInteger(System.Numerics.BitOperations.PopCount((uint)subset)) ? volume : -volume;
            }

            double[] zero = new double[width];
            double actual = Hypervolume.Of(points, zero);
            if (Math.Abs(expected - actual) > 1e-6 * Math.Max(1, expected)) { return false; }
            if (actual != Hypervolume.Of([.. points.Reverse()], zero)) { return false; }
            if (Math.Abs(actual - Hypervolume.Of(Hypervolume.NonDominated(points), zero)) > 1e-9 * Math.Max(1, actual)) { return false; }
            if (Math.Abs(actual - Hypervolume.Of([.. points.Select(point => point.Reverse().ToArray())], zero)) > 1e-9 * Math.Max(1, actual)) { return false; }
        }

        return true;
    }

    [Fact]
    public void The_nondominated_filter_keeps_the_order_and_the_first_of_equal_points()
    {
        double[] a = [1, 3], b = [2, 2], c = [1, 2], d = [2, 2], e = [0, 4];
        Assert.Equal([a, b, e], Hypervolume.NonDominated([c, a, b, d, e]), ReferenceEqualityComparer.Instance);
    }

    [Fact]
    public void Points_and_references_that_make_no_sense_are_refused()
    {
        Assert.Contains("point 1 has 1 objectives, expected are 2", Assert.Throws<ArgumentException>(() => Hypervolume.Of([[1, 1], [1]], [0, 0])).Message, StringComparison.Ordinal);
        Assert.Contains("1 to 6", Assert.Throws<ArgumentException>(() => Hypervolume.Of([], new double[7])).Message, StringComparison.Ordinal);
        Assert.Contains("point 0 is (1, NaN)", Assert.Throws<ArgumentException>(() => Hypervolume.Of([[1, double.NaN]], [0, 0])).Message, StringComparison.Ordinal);
        Assert.Contains("must be finite", Assert.Throws<ArgumentException>(() => Hypervolume.Of([], [double.NegativeInfinity])).Message, StringComparison.Ordinal);
    }
}
