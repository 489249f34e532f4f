using Spectre.Console;

namespace Ctwa.Client.Output;

/// <summary>The closing table in colour; the same content as <see cref="SummaryText"/>.</summary>
internal static class SummaryView
{
    public static void Write(IAnsiConsole console, RunSummary summary, Func<string, string> display)
    {
        console.WriteLine();
        console.MarkupLineInterpolated($"[bold]{SummaryText.Title(summary)}[/]");
        var rows = SummaryText.Rows(summary);
        var table = new Table().Border(TableBorder.Rounded);
        for (int column = 0; column < rows[0].Length; column++)
        {
            var header = new TableColumn(rows[0][column]).NoWrap();
            table.AddColumn(column is 1 or 2 or 3 ? header.RightAligned() : header);
        }

        foreach (string[] row in rows.Skip(1)) { table.AddRow([.. row[..^1].Select(cell => new Text(cell)), Verdict(row[^1])]); }

        console.Write(table);
        foreach (string line in SummaryText.WhoPaid(summary)) { console.WriteLine(line); }
        if (summary.Verdict is { Length: > 0 } verdict)
        {
            console.WriteLine();
            console.MarkupLineInterpolated($"[bold]{verdict}[/]");
        }

        console.WriteLine();
        foreach (var (name, value) in SummaryText.Files(summary, display)) { console.WriteLine($"{name,-10}  {value}"); }
    }

    private static Text Verdict(string verdict) => new(verdict, verdict switch
    {
        "rose" => Color.Green,
        "fell" => Color.Red,
        "stalled" => Color.Yellow,
        _ => Color.Default,
    });
}
