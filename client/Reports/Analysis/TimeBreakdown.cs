using Ctwa.Client.Reports.Reading;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>Where the time of the steps went.</summary>
internal static class TimeBreakdown
{
    private const int MostStretches = 60;
    private const string Whole = "time/step_s";

    public static TimeData Of(StageMetrics metrics)
    {
        string[] names = [.. metrics.Names.Where(name => name.StartsWith("time/", StringComparison.Ordinal) && name.EndsWith("_s", StringComparison.Ordinal) && name != Whole)];
        // In the order of the step, whichever line came first.
        string[] order = ["generate", "score", "update", "observe", "validate"];
        string[] phases = [.. names.Select(name => name["time/".Length..^2]).OrderBy(name => Array.IndexOf(order, name) is >= 0 and var place ? place : order.Length)];
        if (metrics[Whole] is not { } whole) { return new TimeData([], [], 0, [], [], []); }
        var stretches = new Stretches(whole.Steps, MostStretches);
        int[] steps = new int[stretches.Count];
        double[] rest = new double[stretches.Count];
        for (int i = 0; i < whole.Count; i++)
        {
            steps[stretches.Of(whole.Steps[i])]++;
            rest[stretches.Of(whole.Steps[i])] += whole.Values[i];
        }

        var sums = new List<double[]>();
        foreach (string phase in phases)
        {
            var series = metrics[$"time/{phase}_s"]!;
            double[] sum = new double[stretches.Count];
            for (int i = 0; i < series.Count; i++)
            {
                if (whole.At(series.Steps[i]) is null) { continue; }
                sum[stretches.Of(series.Steps[i])] += series.Values[i];
                rest[stretches.Of(series.Steps[i])] -= series.Values[i];
            }

            sums.Add(sum);
        }

        // Phases are rounded each for itself: a sum may exceed the whole by fractions of a millisecond.
        sums.Add([.. rest.Select(value => Math.Max(0, value))]);
        return new TimeData([.. phases, "rest"], [.. sums.Select(sum => sum.Sum())], whole.Values.Sum(), stretches.From, stretches.To, [.. sums.Select(sum => (double[])[.. sum.Select((value, s) => value / steps[s])])]);
    }
}
