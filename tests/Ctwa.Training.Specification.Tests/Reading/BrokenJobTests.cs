using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

/// <summary>
/// Every file of BrokenJobs begins with its expected errors, in the order of the file:
/// <c># expect: LINE:COLUMN part of "path: message"</c>. No other error may be reported.
/// </summary>
public sealed partial class BrokenJobTests
{
    private static readonly string folder = Path.Combine(GoldenFolder.RepositoryRoot, "tests", "Ctwa.Training.Specification.Tests", "BrokenJobs");

    public static TheoryData<string> Files() => [.. Directory.GetFiles(folder, "*.yaml").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Files))]
    public void A_broken_job_gives_exactly_its_errors_at_their_places_within_two_seconds(string file)
    {
        string path = Path.Combine(folder, file);
        var expected = File.ReadLines(path).Select(l => Expectation().Match(l)).TakeWhile(m => m.Success).ToList();
        Assert.NotEmpty(expected);

        var watch = Stopwatch.StartNew();
        var result = JobSpecReader.Read(path, []);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(2), $"took {watch.Elapsed}.");

        Assert.Null(result.Spec);
        string all = string.Join('\n', result.Errors);
        Assert.True(expected.Count == result.Errors.Count, $"{expected.Count} errors expected, found:\n{all}");
        foreach (var match in expected)
        {
            int line = int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), column = int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture);
            string part = match.Groups[3].Value;
            Assert.True(result.Errors.Any(e => e.Line == line && e.Column == column && $"{e.Path}: {e.Message}".Contains(part, StringComparison.Ordinal)), $"no error at {line}:{column} with \"{part}\"; found:\n{all}");
        }
    }

    [Fact]
    public void The_corpus_is_there() => Assert.True(Files().Count >= 60);

    [GeneratedRegex(@"^# expect: (\d+):(\d+) (.+)$", RegexOptions.CultureInvariant)]
    private static partial Regex Expectation();
}
