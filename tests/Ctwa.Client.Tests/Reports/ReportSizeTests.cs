using System.Diagnostics;
using System.Globalization;
using System.Text;
using Ctwa.Client.Reports.Analysis;
using Xunit;

namespace Ctwa.Client.Tests.Reports;

/// <summary>A page is bounded in size and quick to make, and what it leaves out of long series is never a peak.</summary>
public sealed class ReportSizeTests : IDisposable
{
    private readonly ReportFolder folder = new();

    [Fact]
    public async Task A_page_without_data_is_below_300_kilobytes()
    {
        var run = folder.Run("run").Steps(1, supervised: 0);
        await folder.ReportAsync("run");
        Assert.InRange(new FileInfo(run.At("report.html")).Length, 20_000, 120_000);
    }

    [Fact]
    public async Task Ten_thousand_steps_of_eight_objectives_make_a_page_in_seconds_that_a_browser_draws_in_seconds()
    {
        string[] names = [.. Enumerable.Range(0, 8).Select(j => $"objective{j}")];
        var run = folder.Run("long", names).Job("method: linear");
        using (var writer = new StreamWriter(run.Metrics))
        {
            var line = new StringBuilder();
            for (int step = 0; step <= 10_000; step++)
            {
                line.Clear().Append(CultureInfo.InvariantCulture, $"{{\"stage\":\"rl\",\"step\":{step},\"steps_total\":10000,\"time/step_s\":{1 + step % 7 / 10.0},\"interference/events\":{step % 2}");
                for (int j = 0; j < 8; j++)
                {
                    double value = Math.Sin(step * 0.01 + j) / 3 + (step == 4321 && j == 3 ? 5 : 0);
                    foreach (string metric in (string[])["objective/{0}/mean", "objective/{0}/std", "weight/{0}", "covariance/{0}", "covariance/standard_error/{0}", "correlation/{0}", "predicted/covariance/{0}", "realised/{0}", "realised/standard_error/{0}", "log_weight/{0}", "validation/{0}/mean"])
                    {
                        line.Append(CultureInfo.InvariantCulture, $",\"{string.Format(CultureInfo.InvariantCulture, metric, names[j])}\":{value}");
                    }

                    for (int k = j + 1; k < 8; k++) { line.Append(CultureInfo.InvariantCulture, $",\"gradient/cosine/{names[j]}/{names[k]}\":{value}"); }
                    if (step % 2 == 1) { line.Append(CultureInfo.InvariantCulture, $",\"interference/pair/{names[j]}/{names[(j + 1) % 8]}\":1"); }
                }

                writer.WriteLine(line.Append('}'));
            }
        }

        var clock = Stopwatch.StartNew();
        Assert.Equal(0, (await folder.ReportAsync("long")).Code);
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
        Assert.InRange(new FileInfo(run.At("report.html")).Length, 1_000_000, 8_000_000);

        clock.Restart();
        await using var page = await ReportInBrowser.OpenAsync(run.At("report.html"));
        Assert.InRange(clock.Elapsed.TotalSeconds, 0, 60);
        Assert.Contains("highest 5.", await page.TextAsync("document.querySelector('#objective-3 svg').getAttribute('aria-label')"), StringComparison.Ordinal);
        Assert.Contains("Long series are drawn with fewer points", await page.TextAsync("document.getElementById('foot').textContent"), StringComparison.Ordinal);
        Assert.Equal("5000 of 10001 measured steps (50 %).", await page.TextAsync("document.querySelector('#interference-pairs .help').textContent"));
        Assert.Empty(page.Console);
    }

    [Theory]
    [InlineData(10, 40)]
    [InlineData(41, 40)]
    [InlineData(1000, 40)]
    [InlineData(999_983, 400)]
    public void A_thinned_series_keeps_its_ends_and_its_extremes(int count, int most)
    {
        double[] values = [.. Enumerable.Range(0, count).Select(i => Math.Sin(i * 1.7) * (i % 97) + (i == count / 3 ? 1e6 : 0) - (i == count / 2 ? 1e6 : 0))];
        int[] kept = Thinning.Keep(values, most);
        Assert.True(kept.Length <= Math.Max(4, most));
        Assert.Equal(kept.Distinct().Order(), kept);
        Assert.Equal((0, count - 1), (kept[0], kept[^1]));
        Assert.Equal((values.Min(), values.Max()), (kept.Min(i => values[i]), kept.Max(i => values[i])));
    }

    [Theory]
    [InlineData(new[] { 100, 100, 100 }, 1000, 100)]
    [InlineData(new[] { 10, 1000, 1000 }, 1000, 495)]
    [InlineData(new[] { 1000, 1000 }, 10, 40)]
    public void Short_series_leave_their_room_to_long_ones(int[] counts, int budget, int points) => Assert.Equal(points, Thinning.PointsPerSeries(counts, budget, least: 40));

    public void Dispose() => folder.Dispose();
}
