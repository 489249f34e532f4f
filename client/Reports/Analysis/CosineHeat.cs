using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>Cosines between the objectives' gradients over the run.</summary>
internal static class CosineHeat
{
    private const int MostStretches = 96;

    /// <returns>Null: the run has none.</returns>
    public static CosineData? Of(StageMetrics metrics, IReadOnlyList<string> objectives)
    {
        var pairs = new List<int[]>();
        var series = new List<MetricSeries>();
        for (int i = 0; i < objectives.Count; i++)
        {
            for (int j = i + 1; j < objectives.Count; j++)
            {
                if ((metrics[$"gradient/cosine/{objectives[i]}/{objectives[j]}"] ?? metrics[$"gradient/cosine/{objectives[j]}/{objectives[i]}"]) is not { } one) { continue; }
                pairs.Add([i, j]);
                series.Add(one);
            }
        }

        if (pairs.Count == 0) { return null; }
        int[] measured = [.. series.SelectMany(one => one.Steps).Distinct().Order()];
        var stretches = new Stretches(measured, MostStretches);
        List<double?[]> mean = [], low = [], high = [];
        foreach (var one in series)
        {
            double[] sum = new double[stretches.Count];
            int[] count = new int[stretches.Count];
            double?[] least = new double?[stretches.Count], most = new double?[stretches.Count];
            for (int i = 0; i < one.Count; i++)
            {
                int s = stretches.Of(one.Steps[i]);
                double value = one.Values[i];
                sum[s] += value;
                count[s]++;
                least[s] = Math.Min(least[s] ?? value, value);
                most[s] = Math.Max(most[s] ?? value, value);
            }

            mean.Add([.. sum.Select((total, s) => count[s] > 0 ? total / count[s] : (double?)null)]);
            low.Add(least);
            high.Add(most);
        }

        return new CosineData(pairs, stretches.From, stretches.To, mean, low, high,
            [.. series.Select(one => (double?)one.Values.Average())], [.. series.Select(one => (double?)one.Values.Count(value => value < 0) / one.Count)], measured.Length);
    }
}
