using System.Text.Json;
using System.Xml.Linq;
using Ctwa.Client.Comparison;
using Xunit;

namespace Ctwa.Client.Tests.Comparison;

public sealed class ComparisonReportTests : IDisposable
{
    private readonly CompareFolder place = new();

    public void Dispose() => place.Dispose();

    private async Task<ComparisonReport> ReportAsync(Func<string, int?>? train = null)
    {
        place.Train = train ?? (_ => null);
        var plan = place.Plan(place.Options(place.Job("linear", "method: linear"), place.Job("tuned", "method: ctwa, floor: 0.1")));
        return place.Report(plan, (await place.RunAsync(plan))!);
    }

    [Fact]
    public async Task The_table_has_means_and_spread_and_the_best_worst_objective_first()
    {
        var rows = ComparisonTable.Jobs(await ReportAsync());
        Assert.Equal(["method", "seeds", "accuracy", "conciseness", "worst gain", "hypervolume", "interference", "forward", "backward", "seconds"], rows[0]);
        Assert.Equal(["tuned (ctwa)", "2", "0.40 → 0.85 ± 0.07", "0.50 → 0.90 ± 0.00", "+0.40 ± 0.00", "0.20 → 0.30 ± 0.00", "25 % ± 0 %", "5.0", "3.0", "3.5"], rows[1]);
        Assert.Equal(["linear", "2", "0.40 → 0.25 ± 0.07", "0.50 → 0.90 ± 0.00", "-0.15 ± 0.07", "0.20 → 0.30 ± 0.00", "25 % ± 0 %", "5.0", "3.0", "3.5"], rows[2]);
    }

    [Fact]
    public async Task What_a_run_does_not_say_is_a_dash()
    {
        var report = await ReportAsync();
        foreach (var run in report.Runs)
        {
            File.WriteAllText(Path.Combine(run.Run.Folder, "summary.json"), """{"model_sha256":"abc"}""");
            File.Delete(Path.Combine(run.Run.Folder, "metrics.jsonl"));
        }

        var rows = ComparisonTable.Jobs(await ReportAsync());
        Assert.All(rows.Skip(1), row => Assert.All(row.Skip(2), cell => Assert.Equal("-", cell)));
        Assert.NotEmpty(ComparisonPicture.Write(await ReportAsync()));
    }

    [Fact]
    public async Task The_files_hold_every_run_and_the_document_gets_the_tables_between_its_markers()
    {
        var report = await ReportAsync();
        string document = place.Write("methods.md", "before\n<!-- compare:begin -->\nold\n<!-- compare:end -->\nafter\n");
        var files = await ComparisonFiles.WriteAsync(report, place.Output, document);
        Assert.All(files, file => Assert.True(File.Exists(file), file));
        Assert.Equal(["compare.md", "compare.json", "compare.svg"], files.Take(3).Select(Path.GetFileName));

        string text = File.ReadAllText(document);
        Assert.Matches("^before\n<!-- compare:begin -->\nWritten by `ctwa compare` on 2026-11-01.\nMachine: a machine.\n", text);
        Assert.EndsWith("<!-- compare:end -->\nafter\n", text, StringComparison.Ordinal);
        Assert.Contains("(methods-compare.svg)", text, StringComparison.Ordinal);
        Assert.DoesNotContain("old", text, StringComparison.Ordinal);
        Assert.Contains("\n| tuned (ctwa) | 2 | 0.40 → 0.90 ▲ |", text, StringComparison.Ordinal);
        Assert.Contains("| tuned-seed-2 |", text, StringComparison.Ordinal);

        using var json = JsonDocument.Parse(File.ReadAllText(files[1]));
        Assert.Equal(4, json.RootElement.GetProperty("runs").GetArrayLength());
        var best = json.RootElement.GetProperty("methods")[0];
        Assert.Equal(("tuned", 0.4), (best.GetProperty("label").GetString(), Math.Round(best.GetProperty("worst_objective_gain").GetProperty("mean").GetDouble(), 9)));
        Assert.Equal(0.85, best.GetProperty("objectives").GetProperty("accuracy").GetProperty("after").GetProperty("mean").GetDouble(), 9);
    }

    [Fact]
    public async Task The_picture_is_valid_svg_of_1200_pixels_with_every_method_and_objective_inside_its_frame()
    {
        var report = await ReportAsync(run => run == "linear-seed-2" ? throw new CommandFailure(6, "not <finite>") : null);
        var svg = XDocument.Parse(ComparisonPicture.Write(report)).Root!;
        Assert.Equal("1200", svg.Attribute("width")!.Value);
        string[] texts = [.. svg.Descendants().Where(element => element.Name.LocalName == "text").Select(element => element.Value)];
        Assert.All((string[])["tuned (ctwa)", "linear", "accuracy", "conciseness", "worst objective", "interference", "cost", "1 of 2 runs failed", "before RL"], text => Assert.Contains(text, texts));
        double height = double.Parse(svg.Attribute("height")!.Value, System.Globalization.CultureInfo.InvariantCulture);
        Assert.All(svg.Descendants().Where(element => element.Name.LocalName == "circle"), dot =>
        {
            Assert.InRange((double)dot.Attribute("cx")!, 0, 1200);
            Assert.InRange((double)dot.Attribute("cy")!, 0, height);
        });
    }

    [Theory]
    [InlineData(new[] { 0.1, 0.93 }, 0, 1)]
    [InlineData(new[] { -0.34, 0.12 }, -0.4, 0.2)]
    [InlineData(new[] { 3.0, 871.0 }, 0, 1000)]
    [InlineData(new double[0], 0, 1)]
    public void An_axis_covers_its_values_and_zero_with_round_ends(double[] values, double low, double high)
    {
        var axis = Axis.Over(values, 100, 200);
        Assert.Equal((low, high), (Math.Round(axis.Low, 9), Math.Round(axis.High, 9)));
        Assert.Equal((100, 200), (axis.At(axis.Low), axis.At(axis.High)));
        Assert.InRange(axis.Ticks.Count, 2, 7);
        Assert.Contains(0, axis.Ticks);
    }
}
