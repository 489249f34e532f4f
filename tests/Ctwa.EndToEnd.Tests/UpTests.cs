using System.Text.RegularExpressions;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary><c>ctwa up</c>, with real silos and a real Redis.</summary>
public sealed class UpTests : IDisposable
{
    private readonly Workplace _place = new();

    public void Dispose() => _place.Dispose();

    [Fact]
    public async Task A_grid_says_how_to_submit_reports_a_death_and_ends_in_order()
    {
        RequireRedis();
        await using var up = CtwaProcess.Start(_place.Folder, "up", "--silos", "2", "--data", "grid", "--device", "cpu");
        Assert.True(await up.WaitForOutputAsync("Ctrl-C ends the grid."), up.Exited.IsCompleted ? (await up.Exited).ToString() : "");
        Assert.Matches("ctwa submit JOB --redis 127.0.0.1:[0-9]+ --cluster-id ctwa\n", up.Output);
        var children = Family(up);
        children.Single(child => CommandLine(child).Contains("silo-2", StringComparison.Ordinal)).Send(UnixSignal.Kill);
        Assert.True(await up.WaitForOutputAsync("silo 2 was ended by signal 9"));
        Assert.Contains("1 of 2 left. It is not started again.", up.Output, StringComparison.Ordinal);
        up.Client.SendToGroup(UnixSignal.Interrupt);
        var result = await up.WaitAsync();
        Assert.True(result.ExitCode == 0, result.ToString());
        await UntilGoneAsync(children);
    }

    [Fact]
    public async Task A_killed_command_leaves_neither_silo_nor_Redis()
    {
        RequireRedis();
        await using var up = CtwaProcess.Start(_place.Folder, "up", "--silos", "2", "--data", "grid", "--device", "cpu");
        Assert.True(await up.WaitForOutputAsync("Ctrl-C ends the grid."), up.Exited.IsCompleted ? (await up.Exited).ToString() : "");
        var children = Family(up);
        Assert.Contains(children, child => CommandLine(child).Contains("redis-server", StringComparison.Ordinal) && !CommandLine(child).Contains("/bin/sh", StringComparison.Ordinal));
        up.Client.Send(UnixSignal.Kill);
        await up.Exited;
        await UntilGoneAsync(children);
    }

    [Fact]
    public async Task One_silo_needs_no_Redis()
    {
        await using var up = CtwaProcess.Start(_place.Folder, "up", "--data", "grid", "--device", "cpu");
        Assert.True(await up.WaitForOutputAsync("Ctrl-C ends the grid."), up.Exited.IsCompleted ? (await up.Exited).ToString() : "");
        Assert.Matches("ctwa submit JOB --gateway 127.0.0.1:[0-9]+ --cluster-id ctwa\n", up.Output);
        using (var http = new HttpClient())
        {
            string page = await http.GetStringAsync(Regex.Match(up.Output, "http://127.0.0.1:[0-9]+/status").Value, TestContext.Current.CancellationToken);
            Assert.StartsWith("<!doctype html>", page, StringComparison.OrdinalIgnoreCase);
        }

        up.Client.Send(UnixSignal.Terminate);
        Assert.Equal(0, (await up.WaitAsync()).ExitCode);
    }

    private static void RequireRedis() =>
        Assert.SkipUnless((Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "redis-server"))), "no redis-server on the PATH; install the package redis-server.");

    /// <summary>Children and grandchildren: the silos, the shell that holds Redis, and Redis.</summary>
    private static List<LinuxProcess> Family(CtwaProcess up)
    {
        var children = LinuxProcess.ChildrenOf(up.Client.Id);
        return [.. children, .. children.SelectMany(child => LinuxProcess.ChildrenOf(child.Id))];
    }

    private static string CommandLine(LinuxProcess process) => File.ReadAllText($"/proc/{process.Id}/cmdline").Replace('\0', ' ');

    private static async Task UntilGoneAsync(IReadOnlyList<LinuxProcess> processes)
    {
        for (int attempt = 0; processes.Any(process => process.IsRunning); attempt++)
        {
            Assert.True(attempt < 300, "still running: " + string.Join('\n', processes.Where(process => process.IsRunning).Select(CommandLine)));
            await Task.Delay(100, TestContext.Current.CancellationToken);
        }
    }
}
