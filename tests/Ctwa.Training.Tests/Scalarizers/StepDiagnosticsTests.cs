using Xunit;

namespace Ctwa.Training.Scalarizers;

public sealed class StepDiagnosticsTests
{
    private static readonly string[] Names = ["accuracy", "clarity"];

    [Fact]
    public void Every_objective_is_reported_and_what_is_undefined_is_left_out()
    {
        var signals = Objectives.Signals(new double[,] { { 0, 1 }, { 1, 1 }, { double.NaN, 0 } }, [0, 0, 0], [true, true, false]);
        var metrics = StepDiagnostics.Compute(signals, [-1, 1, 9]).Metrics(Names).ToDictionary(metric => metric.Name, metric => metric.Value);
        Assert.Equal(0.5, metrics["score_mean/accuracy"]);
        Assert.Equal(0.5, metrics["score_std/accuracy"]);
        Assert.Equal(0.5, metrics["covariance/accuracy"]);
        Assert.Equal(1, metrics["correlation/accuracy"], 1e-12);
        Assert.Equal(0, metrics["degenerate_fraction/accuracy"]);
        Assert.Equal(0, metrics["covariance/clarity"]);
        Assert.Equal(1, metrics["degenerate_fraction/clarity"]);
        Assert.DoesNotContain("correlation/clarity", metrics.Keys);
    }

    [Fact]
    public void A_signal_of_another_length_is_refused() =>
        Assert.Contains("2 entries for 1 completions", Assert.Throws<ArgumentException>(() => StepDiagnostics.Compute(Objectives.Signals(new double[1, 1], [0]), [1, 2])).Message, StringComparison.Ordinal);

    [Fact]
    public void Cosines_of_a_zero_gradient_are_zero_and_opposed_gradients_at_tiny_scale_are_opposed()
    {
        double[,] rows = { { 1e-7, 0 }, { -1e-7, 0 }, { 0, 0 } };
        double[,] cosines = GradientDiagnostics.Cosines(GradientDiagnostics.Products(rows, rows));
        Assert.Equal(-1, cosines[0, 1], 1e-12);
        Assert.Equal(0, cosines[0, 2]);
        Assert.Equal(0, cosines[2, 2]);
    }
}
