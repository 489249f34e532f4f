using System.Globalization;
using System.Text;

namespace Ctwa.Bench;

/// <summary>The results of the quick-start's runs as Markdown. It states numbers and counts; it draws no conclusion.</summary>
internal static class QuickstartReport
{
    public static string Write(IReadOnlyList<QuickstartRun> runs, MachineDescription machine, string command, int parallel)
    {
        string[] methods = [.. runs.Select(run => run.Method).Distinct()];
        string[] objectives = [.. runs[0].Objectives.Select(objective => objective.Name)];
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"""
            Written by `{command}` on {machine.Date}, commit {machine.Commit}.
            Machine: {machine.Machine}.
            {(runs.Any(run => double.IsNaN(run.TotalSeconds)) ? "Runs without seconds were finished by an earlier call, possibly of an earlier commit" : $"{parallel} at a time; the load average was {machine.Load} when the first one started, so times include what else ran")}.

            Held-out test problems, before and after reinforcement learning, mean over {runs[0].HeldOutSamples} completions; the standard error of a mean is at most {runs.Max(run => run.Objectives.Max(objective => Math.Max(objective.BeforeError, objective.AfterError))):0.000}.
            ▲: rose, ▼: fell, by two standard errors of the difference or more; =: neither. *Worst* is the objective that ended lowest.
            Seconds are wall clock from the start of the command: to the first optimizer step, to the first step of reinforcement learning, to the end.


            """);
        WriteRuns(text, runs, objectives);
        WriteSummary(text, runs, methods, objectives);
        WriteTrajectory(text, runs, objectives);
        return text.ToString().ReplaceLineEndings("\n");
    }

    private static void WriteRuns(StringBuilder text, IReadOnlyList<QuickstartRun> runs, string[] objectives)
    {
        Row(text, ["seed", "method", .. objectives, "length, tokens", "worst after", "seconds: first step, first RL step, all", "model.safetensors"]);
        Rule(text, objectives.Length + 6);
        foreach (var run in runs)
        {
            Row(text,
            [
                Whole(run.Seed), run.Method,
                .. run.Objectives.Select(objective => $"{Score(objective.Before)} → {Score(objective.After)} {Sign(objective.Verdict)}"),
                $"{Tenths(run.LengthBefore)} → {Tenths(run.LengthAfter)}",
                Score(run.WorstAfter),
                $"{Tenths(run.FirstStepSeconds)}, {Tenths(run.FirstRlStepSeconds)}, {Tenths(run.TotalSeconds)}",
                $"`{run.ModelSha256[..12]}`",
            ]);
        }

        text.Append('\n');
    }

    /// <summary>Per method the mean and the spread over seeds, and in how many seeds its worst objective ended above the first method's.</summary>
    private static void WriteSummary(StringBuilder text, IReadOnlyList<QuickstartRun> runs, string[] methods, string[] objectives)
    {
        text.Append("Mean ± standard deviation over the seeds, after training:\n\n");
        Row(text, ["method", "seeds", .. objectives, "length, tokens", "worst after", "seeds in which every objective rose", "seeds in which one fell"]);
        Rule(text, objectives.Length + 6);
        foreach (string method in methods)
        {
            var own = runs.Where(run => run.Method == method).ToArray();
            Row(text,
            [
                method, Whole(own.Length),
                .. Enumerable.Range(0, objectives.Length).Select(j => Spread(own.Select(run => run.Objectives[j].After), "0.000")),
                Spread(own.Select(run => run.LengthAfter), "0.0"),
                Spread(own.Select(run => run.WorstAfter), "0.000"),
                Whole(own.Count(run => run.Objectives.All(objective => objective.Verdict == "rose"))),
                Whole(own.Count(run => run.Objectives.Any(objective => objective.Verdict == "fell"))),
            ]);
        }

        text.Append('\n');
        foreach (string method in methods.Skip(1))
        {
            var pairs = runs.Where(run => run.Method == method).Select(run => (Own: run, First: runs.Single(other => other.Method == methods[0] && other.Seed == run.Seed))).ToArray();
            text.Append(CultureInfo.InvariantCulture, $"The worst objective ends higher with {method} than with {methods[0]} in {pairs.Count(pair => pair.Own.WorstAfter > pair.First.WorstAfter)} of {pairs.Length} seeds; the difference is {Spread(pairs.Select(pair => pair.Own.WorstAfter - pair.First.WorstAfter), "0.000")}.\n");
        }

        text.Append('\n');
    }

    private static void WriteTrajectory(StringBuilder text, IReadOnlyList<QuickstartRun> runs, string[] objectives)
    {
        int[] steps = [.. runs.SelectMany(run => run.Trajectory.Select(point => point.Step)).Distinct().Order()];
        text.Append(CultureInfo.InvariantCulture, $"{char.ToUpperInvariant(objectives[0][0])}{objectives[0][1..]} on the held-out validation problems by step, and the weights of the last step ({string.Join(", ", objectives)}):\n\n");
        Row(text, ["seed", "method", .. steps.Select(step => $"step {Whole(step)}"), "last weights"]);
        Rule(text, steps.Length + 3);
        foreach (var run in runs)
        {
            Row(text,
            [
                Whole(run.Seed), run.Method,
                .. steps.Select(step => run.Trajectory.Where(point => point.Step == step).Select(point => Score(point.Mean)).FirstOrDefault("")),
                string.Join(" ", run.LastWeights.Select(Score)),
            ]);
        }
    }

    private static void Row(StringBuilder text, IEnumerable<string> cells) => text.Append("| ").AppendJoin(" | ", cells).Append(" |\n");

    private static void Rule(StringBuilder text, int columns) => text.Append('|').Insert(text.Length, "---|", columns).Append('\n');

    private static string Sign(string verdict) => verdict switch { "rose" => "▲", "fell" => "▼", _ => "=" };

    private static string Spread(IEnumerable<double> values, string format)
    {
        double[] all = [.. values];
        double mean = all.Average();
        string shown = mean.ToString(format, CultureInfo.InvariantCulture);
        return all.Length < 2 ? shown : $"{shown} ± {Math.Sqrt(all.Sum(value => (value - mean) * (value - mean)) / (all.Length - 1)).ToString(format, CultureInfo.InvariantCulture)}";
    }

    private static string Whole(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Score(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Tenths(double value) => double.IsFinite(value) ? value.ToString("0.0", CultureInfo.InvariantCulture) : "-";
}
