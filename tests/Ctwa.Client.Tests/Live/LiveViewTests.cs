using System.Collections.Immutable;
using Ctwa.Client.Live;
using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;
using Xunit;

namespace Ctwa.Client.Tests.Live;

/// <summary>The picture at several sizes.</summary>
public sealed class LiveViewTests
{
    private readonly RunState state = new();

    public LiveViewTests()
    {
        for (int step = 1; step <= 40; step++)
        {
            string pair = step == 31 ? "\"interference/pair/clarity/accuracy\":1," : "";
            string json = FormattableString.Invariant($$"""
                {"stage":"rl","step":{{step}},"steps_total":80,"objective/accuracy/mean":{{step / 80.0}},"objective/clarity/mean":{{1 - (step / 80.0)}},"weight/accuracy":0.6,"weight/clarity":0.4,
                "covariance/accuracy":{{0.001 * step}},"covariance/clarity":-0.002,"interference/events":{{(step == 31 ? 1 : 0)}},{{pair}}
                "time/generate_s":0.5,"time/score_s":0.1,"time/update_s":1.2,"time/observe_s":0.2,"time/step_s":2,"throughput/tokens_per_s":1234,"response/length/mean":20.5}
                """);
            state.Apply(new JobEvent(step, JobEventKind.Step, json));
        }

        ImmutableArray<JobMemberActivity> members = [.. Enumerable.Range(1, 8).Select(i => new JobMemberActivity($"10.0.0.{i}:11111@5", "cuda NVIDIA H100 80GB HBM3", 2, 4, 1, i == 1 ? null : 3.25))];
        state.Apply(new JobActivity("update", 3, 1, 4, members, 9));
    }

    [Fact]
    public void Everything_is_there_on_a_large_terminal()
    {
        string[] lines = Draw(120, 50);
        Assert.StartsWith("run  step 40/80  ━━━━━━━━━━━━━━━───────────────  1 min 20 s left", lines[0], StringComparison.Ordinal);
        // A curve that rises, and one that falls.
        string accuracy = lines.Single(line => line.StartsWith("accuracy", StringComparison.Ordinal)), clarity = lines.Single(line => line.StartsWith("clarity", StringComparison.Ordinal));
        Assert.Matches("^accuracy   0\\.500  ▁+▂+▃+▄+▅+▆+▇+█+ ", accuracy);
        Assert.Matches("^clarity    0\\.500  █+▇+▆+▅+▄+▃+▂+▁+ ", clarity);
        Assert.Contains("0.400     -0.0020", clarity, StringComparison.Ordinal);
        Assert.Contains("interference  in 1 of 40 measured steps; step 31: clarity paid for accuracy", lines);
        Assert.Contains(lines, line => line.StartsWith("update          1.2 s    60%  ████████████          now 1/4 shards, 3", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("score           0.1 s     5%  █", StringComparison.Ordinal));
        Assert.Equal(8, lines.Count(line => line.StartsWith("10.0.0.", StringComparison.Ordinal)));
        Assert.Contains("and 1 more silos", lines);
        Assert.Contains("length 20.5   1234 tok/s   2.0 s a step", lines);
    }

    [Theory]
    [InlineData(80, 24)]
    [InlineData(80, 12)]
    [InlineData(60, 10)]
    [InlineData(40, 8)]
    [InlineData(24, 5)]
    [InlineData(10, 2)]
    [InlineData(1, 1)]
    [InlineData(300, 100)]
    public void It_fits_every_terminal(int columns, int rows)
    {
        var picture = LiveView.Draw("a-rather-long-name-of-a-run-20261127-081511", state, "stopping", new TerminalSize(columns, rows), Glyphs.Unicode);
        Assert.InRange(picture.Count, 1, Math.Max(1, rows - 1));
        Assert.All(picture, line => Assert.InRange(TerminalText.Width(line.Render(Math.Max(1, columns - 1), color: false, "…")), 0, Math.Max(1, columns - 1)));
    }

    [Fact]
    public void Tables_say_what_they_leave_out()
    {
        string[] lines = Draw(80, 14);
        Assert.Contains(lines, line => line.StartsWith("and ", StringComparison.Ordinal) && line.EndsWith(" more silos", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith("phase  update now 1/4 shards", StringComparison.Ordinal));
    }

    [Fact]
    public void Without_UTF8_there_is_nothing_but_ASCII()
    {
        var picture = LiveView.Draw("run", state, null, new TerminalSize(100, 50), Glyphs.Ascii);
        Assert.All(picture, line => Assert.All(line.Render(60, color: true, Glyphs.Ascii.Cut), c => Assert.InRange(c, '\0', '~')));
        Assert.Contains("=====-----", string.Concat(picture[0].Text.Where(c => c is '=' or '-')).Replace("==========", "=====", StringComparison.Ordinal).Replace("----------", "-----", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Fact]
    public void Names_of_objectives_may_be_anything()
    {
        var hostile = new RunState();
        hostile.Apply(new JobEvent(1, JobEventKind.Step, """{"stage":"rl","step":1,"objective/a\u001b[2J and a very long name indeed/mean":0.5}"""));
        var picture = LiveView.Draw("run\u001b]0;x\u0007", hostile, "no\ntice", TerminalSize.Usual, Glyphs.Unicode);
        Assert.DoesNotContain(picture, line => line.Text.Any(char.IsControl));
        Assert.StartsWith("a?[2J and a very lo…", picture[2].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", 0, "")]
    [InlineData("1", 8, "▅")]
    [InlineData("2,2,2", 8, "▅▅▅")]
    [InlineData("0,1,2,3,4,5,6,7", 8, "▁▂▃▄▅▆▇█")]
    [InlineData("0,1,2,3,4,5,6,7", 4, "▁▃▆█")]
    [InlineData("7,0", 8, "█▁")]
    public void A_series_becomes_a_curve_of_the_width_that_there_is(string numbers, int width, string curve)
    {
        var series = new Series();
        foreach (string number in numbers.Split(',', StringSplitOptions.RemoveEmptyEntries)) { series.Add(double.Parse(number, System.Globalization.CultureInfo.InvariantCulture)); }
        Assert.Equal(curve, Sparkline.Draw(series.Points(width), Glyphs.Unicode));
    }

    [Fact]
    public void A_long_run_keeps_its_shape_in_bounded_memory()
    {
        var series = new Series();
        for (int i = 0; i < 100_000; i++) { series.Add(i); }
        series.Add(double.NaN);
        double[] all = series.Points(int.MaxValue);
        Assert.InRange(all.Length, 100, Series.Capacity);
        Assert.Equal(all.Order(), all);
        Assert.InRange(series.Points(10)[9], 90_000, 100_000);
    }

    [Theory]
    [InlineData(null, null, null, false)]
    [InlineData(null, null, "C", false)]
    [InlineData(null, null, "en_US.UTF-8", true)]
    [InlineData(null, null, "C.utf8", true)]
    [InlineData("C", null, "en_US.UTF-8", false)]
    [InlineData("", "de_DE.UTF-8", "C", true)]
    public void The_locale_decides_by_the_first_variable_that_is_set(string? all, string? type, string? lang, bool utf8)
    {
        var environment = new Dictionary<string, string?> { ["LC_ALL"] = all, ["LC_CTYPE"] = type, ["LANG"] = lang };
        Assert.Equal(utf8, Glyphs.IsUtf8(environment.GetValueOrDefault));
    }

    private string[] Draw(int columns, int rows) => [.. LiveView.Draw("run", state, null, new TerminalSize(columns, rows), Glyphs.Unicode).Select(line => line.Text.TrimEnd())];
}
