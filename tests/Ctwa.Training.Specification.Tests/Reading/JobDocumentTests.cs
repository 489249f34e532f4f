using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed partial class JobDocumentTests
{
    private const string Begin = "<!-- keys:begin -->", End = "<!-- keys:end -->";

    private static readonly string path = Path.Combine(GoldenFolder.RepositoryRoot, "docs", "jobs.md");

    [Fact]
    public void The_documented_keys_are_those_of_the_records()
    {
        string document = File.ReadAllText(path);
        int begin = document.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length, end = document.IndexOf(End, StringComparison.Ordinal);
        Assert.True(begin >= Begin.Length && end >= begin, $"{path} lacks the lines {Begin} and {End}.");
        string expected = $"{document[..begin]}\n{JobKeyTables.Write()}{document[end..]}";
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_DOCS") == "1")
        {
            File.WriteAllText(path, expected);
            document = expected;
        }

        Assert.True(document == expected, $"the key tables of {path} differ from the records; write them anew with: CTWA_UPDATE_DOCS=1 dotnet test --project tests/Ctwa.Training.Specification.Tests --filter-class {typeof(JobDocumentTests).FullName}");
    }

    [Fact]
    public void Every_key_has_a_meaning()
    {
        string[] rows = [.. JobKeyTables.Write().Split('\n').Where(line => line.StartsWith("| `", StringComparison.Ordinal))];
        Assert.True(rows.Length > 60, $"only {rows.Length} keys were found.");
        Assert.All(rows, row => Assert.DoesNotMatch(@"\|\s*\|$", row));
    }

    [Fact]
    public void The_documented_example_is_a_valid_job()
    {
        var blocks = YamlBlock().Matches(File.ReadAllText(path));
        Assert.NotEmpty(blocks);
        Assert.All(blocks, block => Assert.Empty(Jobs.Errors(block.Groups[1].Value)));
    }

    [GeneratedRegex("^```yaml\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline | RegexOptions.CultureInvariant)]
    private static partial Regex YamlBlock();
}
