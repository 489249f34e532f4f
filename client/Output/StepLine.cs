using System.Globalization;
using System.Text;

namespace Ctwa.Client.Output;

/// <summary>A step as one plain line, for logs and pipes: no escape codes, fields two blanks apart.</summary>
internal static class StepLine
{
    /// <summary>Supervised steps between two lines.</summary>
    public const int SupervisedEvery = 50;

    /// <summary>Whether the step gets a line: every reinforcement-learning step; of the supervised stage the first, the last and every 50th.</summary>
    public static bool IsShown(JobMetrics metrics) =>
        !metrics.IsSupervised || metrics.Step == 1 || metrics.Step % SupervisedEvery == 0 || metrics.Step == metrics.StepsTotal;

    /// <param name="secondsLeft">Estimate for the rest of the stage; null if unknown.</param>
    public static string Format(JobMetrics metrics, double? secondsLeft)
    {
        var line = new StringBuilder(metrics.IsSupervised ? "supervised " : "step ").Append(Progress(metrics));
        Add(line, "loss", metrics["loss/supervised"], Numbers.Short);
        foreach (string objective in metrics.Objectives)
        {
            line.Append("  ").Append(objective);
            if (metrics[$"objective/{objective}/mean"] is { } mean) { line.Append(' ').Append(Numbers.Score(mean)); }
            if (Details(metrics, objective) is { Length: > 0 } details) { line.Append(" (").Append(details).Append(')'); }
        }

        foreach (var (loser, winner) in metrics.Interference) { line.Append("  ").Append(loser).Append(" paid for ").Append(winner); }
        Add(line, "length", metrics["response/length/mean"], Numbers.One);
        Add(line, "kl", metrics["policy/kl"], Numbers.Short);
        Add(line, "loss", metrics["loss/policy"], Numbers.Short);
        if (metrics["throughput/tokens_per_s"] is { } rate) { line.Append("  ").Append(Numbers.Rate(rate)).Append(" tok/s"); }
        if (secondsLeft is { } left) { line.Append("  ").Append(Numbers.Duration(left)).Append(" left"); }
        return line.ToString();
    }

    /// <summary><c>12/100</c>, right-aligned so that lines of one stage stay in columns.</summary>
    public static string Progress(JobMetrics metrics)
    {
        string step = metrics.Step.ToString(CultureInfo.InvariantCulture);
        if (metrics.StepsTotal is not { } total) { return step; }
        string of = total.ToString(CultureInfo.InvariantCulture);
        return $"{step.PadLeft(of.Length)}/{of}";
    }

    private static string Details(JobMetrics metrics, string objective)
    {
        var parts = new List<string>(3);
        if (metrics[$"weight/{objective}"] is { } weight) { parts.Add("w " + Numbers.Score(weight)); }
        if (metrics[$"covariance/{objective}"] is { } covariance) { parts.Add("cov " + Numbers.Signed(covariance, 4)); }
        if (metrics[$"validation/{objective}/mean"] is { } heldOut) { parts.Add("held-out " + Numbers.Score(heldOut)); }
        return string.Join(", ", parts);
    }

    private static void Add(StringBuilder line, string name, double? value, Func<double, string> format)
    {
        if (value is { } number) { line.Append("  ").Append(name).Append(' ').Append(format(number)); }
    }
}
