using System.CommandLine;
using System.Text;
using Ctwa.Client.Commands;
using Ctwa.Client.Output;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Client.Tests.Commands;

/// <summary>docs/cli.md says what the commands say; help without examples is incomplete.</summary>
[Collection("help")]
public sealed class CliDocumentTests
{
    private static readonly string Document = Path.Combine(GoldenFolder.RepositoryRoot, "docs", "cli.md");

    [Fact]
    public async Task The_documented_options_are_those_of_the_commands()
    {
        var section = new MarkedSection("verbs");
        Assert.Null(section.Missing(Document));
        string expected = await TextAsync();
        string before = await File.ReadAllTextAsync(Document, TestContext.Current.CancellationToken);
        section.Replace(Document, expected);
        string after = await File.ReadAllTextAsync(Document, TestContext.Current.CancellationToken);
        if (Environment.GetEnvironmentVariable("CTWA_UPDATE_DOCS") != "1") { await File.WriteAllTextAsync(Document, before, TestContext.Current.CancellationToken); }
        else { before = after; }
        Assert.True(before == after, $"the verbs in {Document} differ from the commands' help; write them anew with: CTWA_UPDATE_DOCS=1 dotnet test --project tests/Ctwa.Client.Tests --filter-class {typeof(CliDocumentTests).FullName}");
    }

    [Fact]
    public void Every_verb_has_examples_and_they_parse()
    {
        var root = CtwaCommand.Root();
        Assert.All(Verbs(root), verb =>
        {
            var examples = HelpExamples.Of(verb.Command);
            Assert.True(examples.Count > 0 || verb.Command.Subcommands.Count > 0 || verb.Path == "jobs list", $"{verb.Path} has no example.");
            foreach (var (line, what) in examples.Where(example => example.Line.StartsWith("ctwa ", StringComparison.Ordinal) && !example.Line.Contains("VERB", StringComparison.Ordinal)))
            {
                Assert.NotEmpty(what);
                string command = line.Split([" | ", " > "], StringSplitOptions.None)[0];
                Assert.Empty(root.Parse(command["ctwa ".Length..].Replace("*.yaml", "a.yaml", StringComparison.Ordinal)).Errors);
            }
        });
    }

    [Fact]
    public void Every_reading_command_prints_JSON()
    {
        Assert.All((string[])["jobs", "jobs list", "jobs show", "watch", "logs", "silos", "compare", "report", "doctor", "context list", "context show", "submit"],
            path => Assert.Contains(Verbs(CtwaCommand.Root()).Single(verb => verb.Path == path).Command.Options, option => option.Name == JsonOption.Name));
    }

    private static async Task<string> TextAsync()
    {
        var text = new StringBuilder();
        foreach (var (path, _) in Verbs(CtwaCommand.Root()))
        {
            HelpExamples.Width = 120;
            try
            {
                var (code, output, _) = await CtwaCommandTests.RunAsync([.. path.Split(' '), "--help"]);
                Assert.Equal(ExitCodes.Success, code);
                // The root is named by the program that runs, which is the test here.
                string help = output.Replace(RootCommand.ExecutableName, "ctwa", StringComparison.Ordinal).Trim();
                text.Append("\n### ").Append(path).Append("\n\n```\n").Append(string.Join('\n', help.Split('\n').Select(line => line.TrimEnd()))).Append("\n```\n");
            }
            finally
            {
                HelpExamples.Width = null;
            }
        }

        return text.ToString();
    }

    /// <summary>Verbs and their subcommands in the order of the help. Those of the silo have their own document.</summary>
    private static IEnumerable<(string Path, Command Command)> Verbs(Command root, string prefix = "") => root.Subcommands
        .Where(command => !command.Hidden && (prefix.Length > 0 || ForwardedVerbs.All.All(verb => verb.Name != command.Name)))
        .SelectMany(command => Verbs(command, $"{prefix}{command.Name} ").Prepend(($"{prefix}{command.Name}", command)));
}
