using Ctwa.Client.Commands;
using Xunit;

namespace Ctwa.Client.Tests.Commands;

public sealed class CtwaCommandTests
{
    [Fact]
    public void The_options_of_train_are_read()
    {
        var parsed = CtwaCommand.Root().Parse("train job.yaml --set a.b=1 --set c=[1,2] --output out --lanes 3 --dry-run".Split(' '));
        Assert.Empty(parsed.Errors);
        var options = TrainCommand.Read(parsed);
        Assert.Equal(("job.yaml", "out", null, 3, true), (options.Job, options.Output, options.Resume, options.Lanes, options.DryRun));
        Assert.Equal(["a.b=1", "c=[1,2]"], options.Set);
        Assert.Empty(options.Errors());
    }

    [Theory]
    [InlineData("", "no job: give a job file")]
    [InlineData("--resume r --output o", "--output o and --resume r exclude each other")]
    [InlineData("job.yaml --set steps", "--set steps: write KEY=VALUE")]
    [InlineData("job.yaml --set =3", "--set =3: write KEY=VALUE")]
    [InlineData("--resume r --set seed=3", "--set seed=3: with --resume only schedule.* and tracking.* can be set")]
    [InlineData("job.yaml --lanes 0", "--lanes is 0; give at least 1.")]
    [InlineData("job.yaml --dri-run", "--dry-run")]
    [InlineData("job.yaml other.yaml", "other.yaml")]
    public async Task Contradictions_and_typing_errors_are_named_and_nothing_starts(string arguments, string message)
    {
        var (code, output, error) = await RunAsync(["train", .. arguments.Split(' ', StringSplitOptions.RemoveEmptyEntries)]);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Empty(output);
    }

    [Fact]
    public void A_resumed_run_may_be_lengthened() =>
        Assert.Empty(new TrainOptions { Resume = "r", Set = ["schedule.steps=200"] }.Errors());

    [Fact]
    public async Task An_unknown_verb_gets_a_suggestion()
    {
        var (code, output, error) = await RunAsync(["trian", "job.yaml"]);
        Assert.Equal(ExitCodes.BadInput, code);
        Assert.Contains("Did you mean", error, StringComparison.Ordinal);
        Assert.Contains("train", error.Split('\n'));
        Assert.Empty(output);
    }

    [Fact]
    public async Task Help_lists_the_verbs_and_the_exit_codes()
    {
        var (code, output, _) = await RunAsync(["--help"]);
        Assert.Equal(ExitCodes.Success, code);
        Assert.All((string[])["train", "schema", "130  stopped by Ctrl-C"], text => Assert.Contains(text, output, StringComparison.Ordinal));
    }

    internal static async Task<(int Code, string Output, string Error)> RunAsync(string[] arguments)
    {
        var output = new StringWriter();
        var error = new StringWriter();
        int code = await CtwaCommand.InvokeAsync(arguments, output, error);
        return (code, output.ToString(), error.ToString());
    }
}
