using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

/// <summary>docs/methods.md speaks of every method, and of tests that exist.</summary>
public sealed partial class MethodsDocumentTests
{
    private static readonly string page = File.ReadAllText(Path.Combine(GoldenFolder.RepositoryRoot, "docs", "methods.md"));

    [Fact]
    public void Every_method_has_its_section_and_its_row_and_every_section_a_method()
    {
        string[] methods = [.. ScalarizationMethodAttribute.All.Select(method => method.Name)];
        Assert.Equal(methods.Order(StringComparer.Ordinal), Heading().Matches(page).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
        Assert.All(methods, method => Assert.Contains($"\n| [`{method}`](#{method}) |", page, StringComparison.Ordinal));
    }

    [Fact]
    public void Every_option_of_a_method_is_named_in_its_section_or_is_shared_by_all()
    {
        foreach (var (type, name) in ScalarizationMethodAttribute.All)
        {
            string section = page[page.IndexOf($"\n### `{name}`", StringComparison.Ordinal)..];
            section = section[..section.IndexOf("\n##", 1, StringComparison.Ordinal)];
            var options = JobSpecJson.Options.GetTypeInfo(type).Properties.Select(property => property.Name).Except(["method", "mode", "plan", "gram_every", "gram_scope"]);
            // "As tchebycheff" refers to another section.
            if (section.Contains("as `tchebycheff`", StringComparison.Ordinal)) { options = options.Except(["form", "ideal", "epsilon", "nadir", "ema_rate"]); }
            Assert.All(options, option => Assert.Matches($@"`{option}[`:]", section));
        }
    }

    [Fact]
    public void Every_test_that_the_defects_table_names_exists()
    {
        var tests = Directory.GetFiles(Path.Combine(GoldenFolder.RepositoryRoot, "tests"), "*Tests.cs", SearchOption.AllDirectories).ToLookup(Path.GetFileNameWithoutExtension);
        var named = Test().Matches(page).Select(match => (Class: match.Groups[1].Value, Name: match.Groups[2].Value)).Distinct().ToList();
        Assert.True(named.Count > 30, $"{named.Count} tests are named");
        Assert.All(named, test => Assert.Contains(tests[test.Class], file => File.ReadAllText(file).Contains($" {test.Name}(", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"^### `([a-z_]+)`", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"`([A-Za-z]+Tests)\.([A-Za-z0-9_]+)`")]
    private static partial Regex Test();
}
