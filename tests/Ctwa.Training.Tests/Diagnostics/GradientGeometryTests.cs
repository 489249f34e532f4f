using Ctwa.Training.Diagnostics;
using Xunit;

namespace Ctwa.Training.Tests.Diagnostics;

public sealed class GradientGeometryTests
{
    // J = [[-4,1,1],[6,1,1]].
    private static readonly double[,] Gram = { { 18, -22 }, { -22, 38 } };

    [Fact]
    public void Norms_cosines_and_conflicts_are_those_of_the_rows()
    {
        var geometry = new GradientGeometry(Gram);
        Assert.Equal([Math.Sqrt(18), Math.Sqrt(38)], geometry.Norms);
        Assert.Equal(-22 / Math.Sqrt(18 * 38), geometry.Cosines[0, 1], 12);
        Assert.Equal(1, geometry.ConflictRate);
        Assert.Equal(Math.Sqrt(38.0 / 18), geometry.NormRatio, 12);

        // The shortest convex combination of the rows is (0, 1, 1).
        Assert.Equal(2.0 / 38, geometry.StationarityGap, 9);
        Assert.Equal(0, new GradientGeometry(new double[,] { { 1, -1 }, { -1, 1 } }).StationarityGap, 9);
        Assert.Equal(0, new GradientGeometry(new double[,] { { 1, 0.5 }, { 0.5, 1 } }).ConflictRate);
        Assert.True(double.IsNaN(new GradientGeometry(new double[,] { { 1 } }).ConflictRate));
    }

    // d = .6 g_1 + .4 g_2 = (0, 1, 1): both objectives gain 2. A regularizer's row enters with factor 1.
    [Fact]
    public void Improvement_is_the_product_of_the_combined_gradient_with_each_row()
    {
        Assert.Equal([2.0, 2.0], GradientGeometry.Combined(Gram, [0.6, 0.4], Gram).Improvement!.Select(value => Math.Round(value, 12)));
        double[,] withRegularizer = { { 18, -22, 1 }, { -22, 38, -3 }, { 1, -3, 5 } };
        Assert.Equal([3.0, -1.0], GradientGeometry.Combined(Gram, [0.6, 0.4], withRegularizer).Improvement!.Select(value => Math.Round(value, 12)));
    }

    [Fact]
    public void Several_updates_are_averaged_and_none_give_nothing()
    {
        var mean = GradientGeometry.Mean([new(Gram, [1, 2]), new(new double[,] { { 2, 0 }, { 0, 2 } }, [3, 0])])!;
        Assert.Equal(10, mean.Gram[0, 0]);
        Assert.Equal(-11, mean.Gram[0, 1]);
        Assert.Equal([2.0, 1.0], mean.Improvement!);
        Assert.Null(GradientGeometry.Mean([]));
    }

    [Fact]
    public void The_line_through_the_origin_is_found_again_and_signs_are_counted()
    {
        var record = new PredictionRecord().Add([1, -2, 3], [0.5, -1, 1.5]);
        Assert.Equal(1, record.SignAgreement);
        Assert.Equal(0.5, record.Slope, 12);
        Assert.Equal(1, record.RSquared, 12);
        var worse = record.Add([1, 1, double.NaN], [-1, 1, 1]);
        Assert.Equal(((PredictionRecord.Decay * 3) + 1) / ((PredictionRecord.Decay * 3) + 2), worse.SignAgreement, 12);
        Assert.True(worse.RSquared < 1);
        Assert.True(double.IsNaN(new PredictionRecord().Slope));
    }
}
