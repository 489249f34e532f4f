using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>What the covariance law and the gradients foretold of each step, against what the step did.</summary>
internal static class Prediction
{
    private const int MostPoints = 1200;

    public static PredictionData Of(StageMetrics metrics, IReadOnlyList<string> objectives, ValidationData validation) => new(
        Steps(metrics, objectives, "predicted/covariance/"),
        Steps(metrics, objectives, "predicted/gradient/"),
        Validations(metrics, objectives, validation));

    private static ScatterData? Steps(StageMetrics metrics, IReadOnlyList<string> objectives, string predicted)
    {
        var points = new List<(int O, int S, double X, double Y)>();
        for (int j = 0; j < objectives.Count; j++)
        {
            if (metrics[predicted + objectives[j]] is not { } x || metrics["realised/" + objectives[j]] is not { } y) { continue; }
            for (int i = 0; i < y.Count; i++)
            {
                if (x.At(y.Steps[i]) is { } foretold) { points.Add((j, y.Steps[i], foretold, y.Values[i])); }
            }
        }

        return Scatter(points);
    }

    private static ScatterData? Validations(StageMetrics metrics, IReadOnlyList<string> objectives, ValidationData validation)
    {
        var points = new List<(int O, int S, double X, double Y)>();
        for (int j = 0; j < objectives.Count; j++)
        {
            if (metrics[$"validation/{objectives[j]}/predicted_covariance"] is not { } x || metrics[$"validation/{objectives[j]}/change"] is not { } y) { continue; }
            for (int i = 0; i < y.Count; i++)
            {
                // The line of step 0 has nothing before it.
                if (y.Steps[i] > 0 && x.At(y.Steps[i]) is { } foretold) { points.Add((j, y.Steps[i], foretold, y.Values[i])); }
            }
        }

        return validation.Total < 2 ? null : Scatter(points);
    }

    private static ScatterData? Scatter(List<(int O, int S, double X, double Y)> points)
    {
        if (points.Count == 0) { return null; }
        double xy = points.Sum(p => p.X * p.Y), xx = points.Sum(p => p.X * p.X), yy = points.Sum(p => p.Y * p.Y);
        var signed = points.Where(p => p.X != 0 && p.Y != 0).ToList();
        var kept = Thinning.Spread(points.Count, MostPoints).Select(i => points[i]).ToList();
        return new ScatterData([.. kept.Select(p => p.O)], [.. kept.Select(p => p.S)], [.. kept.Select(p => p.X)], [.. kept.Select(p => p.Y)], points.Count,
            signed.Count > 0 ? (double)signed.Count(p => p.X > 0 == p.Y > 0) / signed.Count : null,
            xx > 0 ? xy / xx : null,
            xx > 0 && yy > 0 ? xy * xy / (xx * yy) : null);
    }
}
