using System.Diagnostics;
using Ctwa.Client.Jobs;
using Ctwa.Client.Tests.Commands;
using Xunit;

namespace Ctwa.Client.Tests.Shell;

/// <summary>What a shell is told, and that a real shell understands it.</summary>
public sealed class CompletionTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-completion-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("su", "submit")]
    [InlineData("pa", "pause")]
    [InlineData("ev", "eval")]
    [InlineData("context re", "remove")]
    [InlineData("jobs --qu", "--quota")]
    [InlineData("watch id --pl", "--plain")]
    [InlineData("logs id --level w", "warning")]
    [InlineData("completion f", "fish")]
    [InlineData("train ", "")]
    [InlineData("train \"a b", "")]
    [InlineData("nonsense --x", "")]
    public async Task Candidates_begin_with_what_is_typed(string line, string candidates)
    {
        var (code, output, error) = await CtwaCommandTests.RunAsync(["complete", "--", .. line.Split(' ')]);
        Assert.Equal((0, ""), (code, error));
        Assert.Equal(candidates, string.Join(' ', output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split('\t')[0])));
    }

    [Fact]
    public async Task Every_verb_is_offered_with_its_description()
    {
        var (_, output, _) = await CtwaCommandTests.RunAsync(["complete", "--", ""]);
        string[] lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All((string[])["train", "up", "down", "submit", "jobs", "watch", "logs", "pause", "resume", "cancel", "silos", "eval", "generate", "compare", "data", "model", "doctor", "schema", "completion", "context"],
            verb => Assert.Contains(lines, line => line.StartsWith(verb + "\t", StringComparison.Ordinal) && line.Length > verb.Length + 10));
    }

    [Fact]
    public void Jobs_that_were_seen_are_remembered_newest_first_and_boundedly()
    {
        var jobs = new RememberedJobs(Path.Combine(folder, "cache", "jobs"));
        Assert.Empty(jobs.Load());
        jobs.Add(["b-2", "a-1", "bad id; rm -rf", "\e[2J"]);
        jobs.Add(["c-3", "a-1"]);
        Assert.Equal(["c-3", "a-1", "b-2"], jobs.Load());
        jobs.Add(Enumerable.Range(0, 1000).Select(i => FormattableString.Invariant($"j-{i}")));
        Assert.Equal(RememberedJobs.Most, jobs.Load().Count);
        // A folder that cannot be made is nobody's business.
        new RememberedJobs("/proc/none/jobs").Add(["x"]);
    }

    [Theory]
    [InlineData("cancel")]
    [InlineData("context use")]
    public void What_is_completed_does_not_take_the_place_of_a_name_in_the_help(string verb)
    {
        var command = Client.Commands.CtwaCommand.Root().Parse(verb.Split(' ')).CommandResult.Command;
        Assert.All(command.Arguments, argument => Assert.Equal(argument.Name, argument.HelpName));
    }

    [Theory]
    [InlineData("su", "submit")]
    [InlineData("context us", "use")]
    [InlineData("cancel ti", "tiny-20260101-000001 tiny-20260101-000002")]
    [InlineData("jobs --context pr", "prod")]
    public async Task Bash_completes_verbs_contexts_and_jobs(string typed, string completed)
    {
        string bash = "/bin/bash";
        Assert.SkipUnless(File.Exists(bash), "there is no /bin/bash.");
        new RememberedJobs(Path.Combine(folder, "ctwa", "jobs")).Add(["tiny-20260101-000002", "tiny-20260101-000001"]);
        new Client.Contexts.ContextFile(Path.Combine(folder, "ctwa", "contexts.json")).Save(new Client.Contexts.ContextBook { Contexts = { ["prod"] = new Client.Contexts.GridContext { ClusterId = "c", Redis = "h" } } });
        string words = string.Join(' ', typed.Split(' ').Prepend(Path.Combine(AppContext.BaseDirectory, "ctwa")).Select(word => $"'{word}'"));
        string script = $$"""source <("{{AppContext.BaseDirectory}}/ctwa" completion bash); COMP_WORDS=({{words}}); COMP_CWORD={{typed.Split(' ').Length}}; _ctwa; echo "${COMPREPLY[*]}"; complete -p ctwa""";
        var start = new ProcessStartInfo(bash, ["--norc", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["XDG_CONFIG_HOME"], start.Environment["XDG_CACHE_HOME"]) = (folder, folder);
        using var shell = Process.Start(start)!;
        string output = await shell.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken), error = await shell.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        Assert.Equal("", error);
        Assert.Equal($"{completed}\ncomplete -o default -F _ctwa ctwa\n", output);
    }

    [Theory]
    [InlineData("zsh", "-n")]
    [InlineData("fish", "--no-execute")]
    public async Task Scripts_of_other_shells_are_in_their_language(string shell, string check)
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(one => Path.Combine(one, shell)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(program is null, $"there is no {shell} on the PATH.");
        string path = Path.Combine(folder, "script");
        await File.WriteAllTextAsync(path, (await CtwaCommandTests.RunAsync(["completion", shell])).Output, TestContext.Current.CancellationToken);
        using var process = Process.Start(new ProcessStartInfo(program!, [check, path]) { RedirectStandardError = true })!;
        Assert.Equal("", await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken));
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
    }
}
