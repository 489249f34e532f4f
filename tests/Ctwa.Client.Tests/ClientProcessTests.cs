using System.Diagnostics;
using Ctwa.Client.Supervision;
using Xunit;

namespace Ctwa.Client.Tests;

/// <summary>The real <c>ctwa</c> process with a shell script for a silo: what only processes can show.</summary>
public sealed class ClientProcessTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task The_silo_sees_the_end_of_a_client_that_was_killed()
    {
        // Never ready, so the client waits; `cat` ends with the pipe, and the script with it.
        using var silo = new FakeSilo("cat > /dev/null");
        using var client = Start(silo);
        await UntilAsync(() => silo.HasStarted, "the silo started");
        Assert.True(silo.IsRunning);
        client.Kill();
        await UntilAsync(() => !silo.IsRunning, "the silo left after its client");
    }

    [Theory]
    [InlineData("INT", ExitCodes.Interrupted)]
    [InlineData("TERM", ExitCodes.Terminated)]
    public async Task A_signal_while_the_silo_starts_ends_both(string signal, int code)
    {
        using var silo = new FakeSilo("trap '' INT TERM; echo loading; sleep 600 & wait");
        using var client = Start(silo);
        await UntilAsync(() => silo.HasStarted, "the silo started");
        using (var kill = Process.Start("kill", ["-" + signal, client.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])) { await kill.WaitForExitAsync(TestContext.Current.CancellationToken); }
        await client.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(code, client.ExitCode);
        await UntilAsync(() => !silo.IsRunning, "the silo was ended");
    }

    [Fact]
    public async Task A_silo_that_fails_gives_the_shell_its_exit_code_and_one_clear_message()
    {
        using var silo = new FakeSilo("echo 'no libtorch here' >&2; exit 3");
        using var client = Start(silo);
        string error = await client.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        await client.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(ExitCodes.SiloLost, client.ExitCode);
        Assert.Equal(
            """
            error: the silo ended with exit code 3 before it was ready; nothing was trained.
            Last lines of run/silo.log:
              | no libtorch here

            """,
            error,
            ignoreLineEndingDifferences: true);
    }

    [Fact]
    public async Task Redirected_output_holds_no_escape_codes()
    {
        using var silo = new FakeSilo("exit 3");
        using var client = Start(silo);
        string output = await client.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal("run directory run\n", output);
    }

    private static Process Start(FakeSilo silo)
    {
        File.WriteAllText(Path.Combine(silo.Folder, "job.yaml"), JobText.Valid);
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "ctwa"), ["train", "job.yaml", "--output", "run"])
        {
            WorkingDirectory = silo.Folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment[SiloCommand.Variable] = silo.Script;
        return Process.Start(start)!;
    }

    private static async Task UntilAsync(Func<bool> condition, string what)
    {
        var clock = Stopwatch.StartNew();
        while (!condition())
        {
            Assert.True(clock.Elapsed < Patience, $"waited {clock.Elapsed.TotalSeconds:0} s, and it is still not so that {what}");
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
    }
}
