using Ctwa.Client.Output;
using Spectre.Console;
using Xunit;

namespace Ctwa.Client.Tests.Output;

public sealed class SummaryTextTests
{
    private const string Json =
        """
        { "objectives": [
            {"name":"accuracy","before":0.412,"before_se":0.0151,"after":0.633,"after_se":0.0142,"verdict":"rose"},
            {"name":"conciseness","before":0.5,"before_se":0.02,"after":0.51,"after_se":0.02,"verdict":"stalled"},
            {"name":"clarity","before":0.31,"before_se":0.0147,"after":0.19,"after_se":0.0121,"verdict":"fell"}],
          "length": {"before":41.23,"after":30.1},
          "interference": [ {"payer":"clarity","gainer":"accuracy","payer_delta":-0.12,"gainer_delta":0.221,"payer_covariance":-0.0041,"gainer_covariance":0.0123,
            "text":"Clarity lost while accuracy gained: the training signal rewarded short answers."} ],
          "held_out_samples": 256, "steps": 60, "seconds": 112.4, "run_directory": "/here/runs/a", "checkpoint": "/here/runs/a/checkpoints/step-000060",
          "model_sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "peak_memory_bytes": 8310000000, "estimated_memory_bytes": 8049999999, "verdict": "Two objectives held or rose while clarity paid for accuracy, by more than twice its standard error.",
          "something_new": 1 }
        """;

    private static string Shorter(string path) => path.Replace("/here/", "", StringComparison.Ordinal);

    [Fact]
    public void The_closing_table_says_before_after_who_paid_and_where_the_files_are() => Assert.Equal(
        """
        Held-out problems (256 samples) before and after 60 steps, 1 min 52 s

        objective               before          after  change  verdict
        accuracy         0.412 ± 0.015  0.633 ± 0.014  +0.221  rose
        conciseness      0.500 ± 0.020  0.510 ± 0.020  +0.010  stalled
        clarity          0.310 ± 0.015  0.190 ± 0.012  -0.120  fell
        length (tokens)           41.2           30.1   -11.1

        Who paid for whom
          clarity paid for accuracy: -0.120 against +0.221 (covariance with the training
          signal -0.0041 against +0.0123)
            Clarity lost while accuracy gained: the training signal rewarded short
            answers.

        Two objectives held or rose while clarity paid for accuracy, by more than twice
        its standard error.

        run         runs/a
        checkpoint  runs/a/checkpoints/step-000060
        sha256      e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
        memory      peak 8.31 GB, estimated 8.05 GB
        """,
        string.Join('\n', SummaryText.Format(RunSummary.Parse(Json)!, Shorter)),
        ignoreLineEndingDifferences: true);

    [Fact]
    public void No_line_of_the_closing_table_is_wider_than_80_columns() =>
        Assert.All(SummaryText.Format(RunSummary.Parse(Json)!, Shorter), line => Assert.InRange(line.Length, 0, 80));

    [Fact]
    public void A_summary_with_gaps_is_shown_without_them()
    {
        var summary = RunSummary.Parse("""{"objectives":[{"name":"accuracy","before":null,"after":0.5}],"steps":3}""")!;
        Assert.Equal(
            ["Held-out problems before and after 3 steps", "", "objective  before  after  change  verdict", "accuracy        -  0.500       -", "", "No objective paid for another."],
            SummaryText.Format(summary, Shorter));
    }

    [Fact]
    public void Broken_summaries_are_not_shown() => Assert.Null(RunSummary.Parse("{\"objectives\": 3}"));

    [Fact]
    public void The_coloured_table_holds_the_same_cells_and_fits_80_columns()
    {
        var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = 80;
        var summary = RunSummary.Parse(Json)!;
        SummaryView.Write(console, summary, Shorter);
        string shown = text.ToString();
        Assert.All(SummaryText.Rows(summary).SelectMany(row => row), cell => Assert.Contains(cell, shown, StringComparison.Ordinal));
        Assert.All(shown.Split('\n'), line => Assert.InRange(line.TrimEnd().Length, 0, 80));
    }
}
