using Spectre.Console;
using Spectre.Console.Rendering;

namespace Ctwa.Client.Output;

/// <summary>The picture that live progress redraws, a function of what is known of the run.</summary>
internal static class LiveView
{
    private const int BarWidth = 30;

    /// <param name="title">Name of the run.</param>
    /// <param name="notice">What the client itself is doing, such as stopping; null if nothing special.</param>
    public static IRenderable Draw(string title, RunState state, string? notice)
    {
        var rows = new List<IRenderable> { Header(title, state) };
        if (state.Latest is { } metrics)
        {
            if (metrics.Objectives.Count > 0) { rows.Add(Objectives(metrics, state)); }
            if (Figures(metrics) is { Length: > 0 } figures) { rows.Add(new Text(figures, Color.Grey)); }
        }

        if ((notice ?? state.Activity) is { } activity) { rows.Add(new Text(activity, notice is null ? Color.Grey : Color.Yellow)); }
        return new Rows(rows);
    }

    private static Markup Header(string title, RunState state)
    {
        string text = $"[bold]{Markup.Escape(title)}[/]";
        if (state.Latest is not { } metrics) { return new Markup(text); }
        text += $"  {(metrics.IsSupervised ? "supervised step" : "step")} {StepLine.Progress(metrics).Trim()}";
        if (metrics.StepsTotal is > 0 and var total)
        {
            int full = (int)Math.Clamp((long)BarWidth * metrics.Step / total, 0, BarWidth);
            text += $"  [green]{new string('━', full)}[/][grey]{new string('━', BarWidth - full)}[/]";
        }

        if (state.SecondsLeft is { } left) { text += $"  {Numbers.Duration(left)} left"; }
        return new Markup(text);
    }

    private static Table Objectives(JobMetrics metrics, RunState state)
    {
        var table = new Table().Border(TableBorder.None).AddColumn("[grey]objective[/]");
        foreach (string column in (string[])["mean", "weight", "covariance", "held-out"])
        {
            table.AddColumn(new TableColumn($"[grey]{column}[/]").RightAligned().PadLeft(2));
        }

        foreach (string objective in metrics.Objectives)
        {
            table.AddRow(
                new Text(objective),
                Cell(metrics[$"objective/{objective}/mean"], Numbers.Score),
                Cell(metrics[$"weight/{objective}"], Numbers.Score),
                Cell(metrics[$"covariance/{objective}"], v => Numbers.Signed(v, 4)),
                Cell(state.HeldOut.TryGetValue(objective, out double heldOut) ? heldOut : null, Numbers.Score));
        }

        return table;
    }

    private static string Figures(JobMetrics metrics)
    {
        var parts = new List<string>();
        void Add(string name, string before, string after, Func<double, string> format)
        {
            if (metrics[name] is { } value) { parts.Add(before + format(value) + after); }
        }

        Add("loss/supervised", "loss ", "", Numbers.Short);
        Add("response/length/mean", "length ", "", Numbers.One);
        Add("policy/kl", "kl ", "", Numbers.Short);
        Add("loss/policy", "loss ", "", Numbers.Short);
        Add("throughput/tokens_per_s", "", " tok/s", Numbers.Rate);
        Add("time/step_s", "", " a step", Numbers.Duration);
        return string.Join("   ", parts);
    }

    private static Text Cell(double? value, Func<double, string> format) => new(value is { } number ? format(number) : "");
}
