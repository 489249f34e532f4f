using System.Globalization;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Live;

/// <summary>The picture that live progress redraws, a function of what is known of the run and of the terminal's size.</summary>
internal static class LiveView
{
    private const int LongestBar = 30;
    private const int LongestSpark = 40;
    private const int LongestName = 20;

    // Sections are divided by blank lines where there is room.
    private const int RoomyRows = 30;

    private static readonly string[] s_phases = ["generate", "score", "update", "observe", "validate"];

    /// <summary>Draws it.</summary>
    /// <param name="title">Name of the run.</param>
    /// <param name="state">What is known.</param>
    /// <param name="notice">What the client itself is doing, such as stopping; null if nothing special.</param>
    /// <param name="size">The terminal; the picture has at most one row less.</param>
    /// <param name="glyphs">Characters.</param>
    public static IReadOnlyList<StyledLine> Draw(string title, RunState state, string? notice, TerminalSize size, Glyphs glyphs)
    {
        int width = Math.Max(20, size.Columns - 1);
        List<StyledLine> top = [Header(title, state, width, glyphs)];
        List<StyledLine> objectives = state.Latest is { Objectives.Count: > 0 } metrics ? Objectives(metrics, state, width, glyphs) : [];
        List<StyledLine> interference = Interference(state);
        List<StyledLine> phases = Phases(state, width, glyphs), devices = Devices(state, width, glyphs);
        List<StyledLine> bottom = [];
        if (state.Latest is { } latest && Figures(latest) is { Length: > 0 } figures) { bottom.Add(new StyledLine(figures, LiveStyle.Dim)); }
        if ((notice ?? state.Activity) is { } activity) { bottom.Add(new StyledLine(activity, notice is null ? LiveStyle.Dim : LiveStyle.Notice)); }

        // What matters least goes first where there is no room.
        int room = Math.Max(1, size.Rows - 1);
        int Used() => top.Count + objectives.Count + interference.Count + phases.Count + devices.Count + bottom.Count;
        if (Used() > room) { phases = PhaseLine(state); }
        if (Used() > room) { Shorten(devices, devices.Count - (Used() - room), "silos"); }
        if (Used() > room) { devices = []; }
        if (Used() > room) { interference = []; }
        if (Used() > room) { phases = []; }
        if (Used() > room) { Shorten(objectives, objectives.Count - (Used() - room), "objectives"); }
        List<StyledLine>[] sections = [top, objectives, interference, phases, devices, bottom];
        int divisions = sections.Count(section => section.Count > 0) - 1;
        bool divide = size.Rows >= RoomyRows && Used() + divisions <= room;
        var picture = new List<StyledLine>();
        foreach (var section in sections.Where(section => section.Count > 0))
        {
            if (divide && picture.Count > 0) { picture.Add(new StyledLine()); }
            picture.AddRange(section);
        }

        return picture.Count <= room ? picture : picture[..room];
    }

    /// <summary>Keeps the heading and so many rows that the last can say how many are left out.</summary>
    private static void Shorten(List<StyledLine> table, int rows, string what)
    {
        if (rows < 3 || table.Count <= rows) { return; }
        int hidden = table.Count - rows + 1;
        table.RemoveRange(rows - 1, hidden);
        table.Add(new StyledLine(string.Create(CultureInfo.InvariantCulture, $"and {hidden} more {what}"), LiveStyle.Dim));
    }

    private static StyledLine Header(string title, RunState state, int width, Glyphs glyphs)
    {
        var line = new StyledLine(title, LiveStyle.Bold);
        if (state.Latest is not { } metrics) { return line; }
        line.Add($"  {(metrics.IsSupervised ? "supervised step" : "step")} {StepLine.Progress(metrics).Trim()}");
        string left = state.SecondsLeft is { } seconds ? $"  {Numbers.Duration(seconds)} left" : "";
        int bar = Math.Min(LongestBar, width - line.Width - left.Length - 2);
        if (metrics.StepsTotal is > 0 and var total && bar >= 4)
        {
            int full = (int)Math.Clamp((long)bar * metrics.Step / total, 0, bar);
            line.Add("  ").Add(new string(glyphs.Done, full), LiveStyle.Good).Add(new string(glyphs.ToDo, bar - full), LiveStyle.Dim);
        }

        return line.Add(left);
    }

    private static List<StyledLine> Objectives(JobMetrics metrics, RunState state, int width, Glyphs glyphs)
    {
        int name = Math.Clamp(metrics.Objectives.Max(TerminalText.Width), "objective".Length, LongestName);
        // From right to left, columns go where there is no room for them.
        List<LiveColumn> columns = [new("mean", 5, o => Score(metrics[$"objective/{o}/mean"])), new("held-out", 8, o => Score(state.HeldOut.TryGetValue(o, out double value) ? value : null)), new("weight", 6, o => Score(metrics[$"weight/{o}"])), new("covariance", 10, o => metrics[$"covariance/{o}"] is { } value ? Numbers.Signed(value, 4) : "")];
        while (columns.Count > 1 && name + columns.Sum(column => column.Width + 2) > width) { columns.RemoveAt(columns.Count - 1); }
        int free = width - name - columns.Sum(column => column.Width + 2);
        // One curve of the scores; on wide terminals one of the covariances as well.
        int sparks = free - 2 >= 8 ? Math.Min(LongestSpark, free >= 2 * (LongestSpark / 2 + 2) ? free / 2 - 2 : free - 2) : 0;
        bool both = sparks > 0 && columns.Count == 4 && free - (sparks + 2) >= sparks + 2;

        var heading = new StyledLine("objective".PadRight(name), LiveStyle.Dim);
        foreach (var column in columns)
        {
            heading.Add("  " + column.Title.PadLeft(column.Width), LiveStyle.Dim);
            if (column.Title == "mean" && sparks > 0) { heading.Add("  " + "over the run".PadRight(sparks)[..sparks], LiveStyle.Dim); }
        }

        if (both) { heading.Add("  over the run", LiveStyle.Dim); }
        List<StyledLine> table = [heading];
        foreach (string objective in metrics.Objectives)
        {
            var row = new StyledLine(TerminalText.Fit(TerminalText.Line(objective), name, glyphs.Cut)).PadTo(name);
            foreach (var column in columns)
            {
                string text = column.Value(objective);
                row.Add("  ").Add(text.PadLeft(column.Width), column.Title == "covariance" && text.StartsWith('-') ? LiveStyle.Bad : LiveStyle.Normal);
                if (column.Title == "mean" && sparks > 0) { row.Add("  ").Add(Sparkline.Draw(state.Scores(objective).Points(sparks), glyphs).PadRight(sparks), LiveStyle.Good); }
            }

            if (both) { row.Add("  ").Add(Sparkline.Draw(state.Covariances(objective).Points(sparks), glyphs)); }
            table.Add(row);
        }

        return table;
    }

    private static List<StyledLine> Interference(RunState state)
    {
        if (state.StepsMeasured == 0) { return []; }
        var line = new StyledLine("interference  ", LiveStyle.Dim);
        if (state.LastInterference is not { } last) { return [line.Add(string.Create(CultureInfo.InvariantCulture, $"none in {state.StepsMeasured} measured steps"))]; }
        line.Add(string.Create(CultureInfo.InvariantCulture, $"in {state.StepsWithInterference} of {state.StepsMeasured} measured steps; "));
        return [line.Add(string.Create(CultureInfo.InvariantCulture, $"step {last.Step}: {last.Loser} paid for {last.Winner}"), LiveStyle.Bad)];
    }

    private static List<StyledLine> Phases(RunState state, int width, Glyphs glyphs)
    {
        var (now, seconds) = (state.Now, state.NowSeconds);
        var times = Times(state);
        double all = times.Sum(time => time.Seconds);
        if (times.Count == 0) { return PhaseLine(state); }
        List<StyledLine> table = [new StyledLine("phase       last step  share  ", LiveStyle.Dim)];
        foreach (var (name, took) in times)
        {
            bool active = now?.Phase == name;
            var row = new StyledLine(name.PadRight(10), active ? LiveStyle.Bold : LiveStyle.Normal)
                .Add($"  {Numbers.Duration(took),9}  {(all > 0 ? took / all : 0).ToString("0%", CultureInfo.InvariantCulture),5}  ")
                .Add(new string(glyphs.Bar, all > 0 ? (int)Math.Round(took / all * 20) : 0).PadRight(20));
            if (active) { row.Add("  " + NowText(now!, seconds), LiveStyle.Bold); }
            table.Add(row);
        }

        if (now is { Phase.Length: > 0 } && times.All(time => time.Name != now.Phase)) { table.Add(new StyledLine($"{now.Phase,-10}  {"",9}  {"",5}  {"",20}  {NowText(now, seconds)}", LiveStyle.Bold)); }
        return width >= 60 ? table : PhaseLine(state);
    }

    /// <summary>The phases in one line.</summary>
    private static List<StyledLine> PhaseLine(RunState state)
    {
        var times = Times(state);
        string now = state.Now is { Phase.Length: > 0 } activity ? $"{activity.Phase} {NowText(activity, state.NowSeconds)}" : "";
        string last = string.Join("  ", times.Select(time => $"{time.Name} {Numbers.Duration(time.Seconds)}"));
        if (now.Length + last.Length == 0) { return []; }
        var line = new StyledLine("phase  ", LiveStyle.Dim).Add(now, LiveStyle.Bold);
        return [last.Length > 0 ? line.Add((now.Length > 0 ? "   last step " : "last step ") + last, LiveStyle.Dim) : line];
    }

    private static string NowText(JobActivity now, double seconds) => now.Parts > 0
        ? string.Create(CultureInfo.InvariantCulture, $"now {now.Done}/{now.Parts} shards, {Numbers.Duration(seconds)}")
        : $"now {Numbers.Duration(seconds)}";

    private static List<(string Name, double Seconds)> Times(RunState state) => state.Latest is not { } metrics ? []
        : [.. s_phases.Select(name => (Name: name, Seconds: metrics[$"time/{name}_s"])).Where(time => time.Seconds is not null).Select(time => (time.Name, time.Seconds!.Value))];

    private static List<StyledLine> Devices(RunState state, int width, Glyphs glyphs)
    {
        if (state.Now is not { Members.IsDefaultOrEmpty: false } now) { return []; }
        string[][] rows =
        [
            ["silo", "lanes", "shards", "slices", "shards/s", "device"],
            .. now.Members.Select(member => (string[])
            [
                TerminalText.Line(member.Silo), Whole(member.Lanes), Whole(member.Shards), Whole(member.Slices), member.ShardsPerSecond is { } speed && double.IsFinite(speed) ? Numbers.Short(Math.Round(speed, 2)) : "-", TerminalText.Line(member.Device),
            ]),
        ];
        string[] lines = [.. TextTable.Align(rows, lastToTheLeft: true)];
        List<StyledLine> table = [new StyledLine(lines[0], LiveStyle.Dim), .. lines.Skip(1).Select(line => new StyledLine(TerminalText.Fit(line, width, glyphs.Cut)))];
        if (now.MemberCount > now.Members.Length) { table.Add(new StyledLine(string.Create(CultureInfo.InvariantCulture, $"and {now.MemberCount - now.Members.Length} more silos"), LiveStyle.Dim)); }
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

    private static string Whole(int value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Score(double? value) => value is { } number ? Numbers.Score(number) : "";

    /// <summary>A column of the table of objectives.</summary>
    private sealed record LiveColumn(string Title, int Width, Func<string, string> Value);
}
