using System.CommandLine;
using System.Text;
using Ctwa.Client.Commands;
using Ctwa.Silo.Tools;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Silo.Tests.Tools;

/// <summary>docs/cli.md says what the tools say; each has examples, and completes.</summary>
public sealed class ToolDocumentTests
{
    private const string Begin = "<!-- tools:begin -->", End = "<!-- tools:end -->";

    private static readonly string[] Tools = ["data", "data prepare", "data prepare math500", "data prepare gsm8k", "data inspect", "eval", "generate", "model", "model inspect", "model init", "model export"];

    private static readonly string Document = Path.Combine(GoldenFolder.RepositoryRoot, "docs", "cli.md");

    [Fact]
    public async Task The_documented_options_are_those_of_the_tools()
    {
        var text = new StringBuilder();
        HelpExamples.Width = 120;
        try
        {
            foreach (string tool in Tools)
            {
                var run = await ToolRun.OfAsync([.. tool.Split(' '), "--help"]);
                Assert.Equal(ToolExitCodes.Success, run.ExitCode);
                Assert.Contains("Examples:", run.Output, StringComparison.Ordinal);
                text.Append("\n### ").Append(tool).Append("\n\n```\n").Append(string.Join('\n', run.Output.Trim().Split('\n').Select(line => line.TrimEnd()))).Append("\n```\n");
            }
        }
        finally
        {
            HelpExamples.Width = null;
        }

        string document = await File.ReadAllTextAsync(Document, TestContext.Current.CancellationToken);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, $"{Document} lacks the lines {Begin} and {End}.");
        string expected = $"{document[..begin]}\n{text.ToString().Trim()}\n{document[end..]}";
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_DOCS") == "1")
        {
            await File.WriteAllTextAsync(Document, expected, TestContext.Current.CancellationToken);
            document = expected;
        }

        Assert.True(document == expected, $"the tools in {Document} differ from their help; write them anew with: CTWA_UPDATE_DOCS=1 dotnet test --project tests/Ctwa.Silo.Tests --filter-class {typeof(ToolDocumentTests).FullName}");
    }

    [Theory]
    [InlineData("eval --sam", "--samples --samples-out")]
    [InlineData("model in", "init inspect")]
    [InlineData("data prepare math500 --format p", "parquet")]
    [InlineData("eval ", "")]
    public async Task Command_lines_are_completed(string line, string candidates)
    {
        var run = await ToolRun.OfAsync(["complete", "--", .. line.Split(' ')]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(candidates, string.Join(' ', run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split('\t')[0])));
    }

    [Fact]
    public async Task The_probe_says_what_the_doctor_asks()
    {
        var run = await ToolRun.OfAsync("probe");
        using var found = System.Text.Json.JsonDocument.Parse(run.Output);
        Assert.All((string[])["version", "libtorch", "processor", "instructions"], name => Assert.NotEmpty(found.RootElement.GetProperty(name).GetString()!));
        Assert.True(found.RootElement.GetProperty("cuda_devices").GetInt32() >= 0);
        Assert.False(found.RootElement.TryGetProperty("error", out _));
    }
}
