using System.Globalization;
using System.Text;
using System.Text.Json;
using Ctwa.TestKit.Tracking;
using Xunit;

namespace Ctwa.Client.Tests.Reports;

/// <summary>The exports hold every number of the runs.</summary>
public sealed class ReportExportTests : IDisposable
{
    private readonly ReportFolder folder = new();

    [Fact]
    public async Task The_table_reads_back_to_the_same_numbers()
    {
        var a = folder.Run("a").Job().Steps(12, gradients: true);
        var b = folder.Run("b, \"quoted\"").Job().Steps(4);
        var (code, output, _) = await folder.ReportAsync("a", "b, \"quoted\"", "--csv", "all.csv");
        Assert.Equal(0, code);
        Assert.Contains("written     all.csv", output, StringComparison.Ordinal);
        Assert.False(File.Exists(folder.At("report.html")));
        string[][] rows = [.. Parse(File.ReadAllText(folder.At("all.csv")))];
        Assert.All(rows, row => Assert.Equal(rows[0].Length, row.Length));
        var read = rows.Skip(1).SelectMany(row => row.Skip(3).Select((cell, c) => (Key: (row[0], row[1], row[2], rows[0][c + 3]), Cell: cell)).Where(one => one.Cell.Length > 0)).ToDictionary(one => one.Key, one => double.Parse(one.Cell, CultureInfo.InvariantCulture));
        var expected = new[] { a, b }.SelectMany(run => run.Numbers().Where(one => one.Key.Name is not ("step" or "steps_total")).Select(one => (Key: (Path.GetFileName(run.Folder), one.Key.Stage, one.Key.Step.ToString(CultureInfo.InvariantCulture), one.Key.Name), one.Value))).ToDictionary(one => one.Key, one => one.Value);
        Assert.Equal(expected.Count, read.Count);
        Assert.All(expected, one => Assert.Equal(one.Value, read[one.Key]));
    }

    [Fact]
    public async Task No_cell_is_a_formula_to_a_spreadsheet()
    {
        var run = folder.Run("=1+1");
        File.WriteAllText(run.Metrics, """{"stage":"rl","step":1,"=cmd|' /C calc'!A0":1,"@x":-2.5,"+y":3,"-z":4,"a,\"b\"":5}""" + "\n");
        await folder.ReportAsync("=1+1", "--csv", "all.csv");
        string[][] rows = [.. Parse(File.ReadAllText(folder.At("all.csv")))];
        Assert.Equal(["run", "stage", "step", "'=cmd|' /C calc'!A0", "'@x", "'+y", "'-z", "a,\"b\""], rows[0]);
        // Numbers below 0 are numbers.
        Assert.Equal(["'=1+1", "rl", "1", "1", "-2.5", "3", "4", "5"], rows[1]);
        Assert.Equal(0, (await folder.ReportAsync("=1+1", "--csv", "all.csv")).Code);
        File.WriteAllText(folder.At("mine.csv"), "a,b\n");
        Assert.Equal(2, (await folder.ReportAsync("=1+1", "--csv", "mine.csv")).Code);
    }

    [Fact]
    public async Task Event_files_of_finished_runs_hold_every_number_of_every_stage()
    {
        var a = folder.Run("a").Job().Steps(12);
        var b = folder.Run("b").Job().Steps(6);
        Assert.Equal(0, (await folder.ReportAsync("a", "b", "--tensorboard", "events")).Code);
        // Again: one history, not two.
        Assert.Equal(0, (await folder.ReportAsync("a", "b", "--tensorboard", "events")).Code);
        foreach (var run in (MadeRun[])[a, b])
        {
            foreach (string stage in (string[])["supervised", "rl"])
            {
                var expected = run.Numbers().Where(one => one.Key.Stage == stage && one.Key.Name is not ("step" or "steps_total")).Select(one => (one.Key.Name, (long)one.Key.Step, (float)one.Value));
                Assert.Equal(expected, EventFileReader.History(Path.Combine(folder.At("events"), Path.GetFileName(run.Folder), stage)));
            }
        }
    }

    [Fact]
    public async Task The_result_is_also_json()
    {
        folder.Run("all/a").Job().Steps(12);
        folder.Run("all/b").Job("method: ctwa").Steps(12, slope: -0.01);
        folder.Run("all/warm-start-seed-1").Job().Steps(1);
        var (code, output, _) = await folder.ReportAsync("all", "--json", "--output", "r.html");
        Assert.Equal(0, code);
        using var json = JsonDocument.Parse(output);
        var runs = json.RootElement.GetProperty("runs");
        Assert.Equal(["a", "b"], runs.EnumerateArray().Select(run => run.GetProperty("label").GetString()));
        Assert.Equal("ctwa", runs[1].GetProperty("method").GetString());
        Assert.Equal(["r.html"], json.RootElement.GetProperty("files").EnumerateArray().Select(file => Path.GetFileName(file.GetString())));
    }

    public void Dispose() => folder.Dispose();

    // RFC 4180, by the letter: CRLF, quotes doubled in quotes.
    private static IEnumerable<string[]> Parse(string text)
    {
        var cells = new List<string>();
        var cell = new StringBuilder();
        bool quoted = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (quoted)
            {
                if (text[i] != '"') { cell.Append(text[i]); }
                else if (i + 1 < text.Length && text[i + 1] == '"') { cell.Append('"'); i++; }
                else { quoted = false; }
            }
            else if (text[i] == '"') { quoted = true; }
            else if (text[i] == ',') { cells.Add(cell.ToString()); cell.Clear(); }
            else if (text[i] == '\r')
            {
                Assert.Equal('\n', text[++i]);
                cells.Add(cell.ToString());
                cell.Clear();
                yield return [.. cells];
                cells.Clear();
            }
            else
            {
                Assert.NotEqual('\n', text[i]);
                cell.Append(text[i]);
            }
        }

        Assert.Empty(cells);
    }
}
