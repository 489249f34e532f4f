using System.Globalization;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Harness;

public sealed class ChildTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-child-").FullName;

    [Fact]
    public async Task Its_output_is_in_its_log_and_its_id_is_its_own()
    {
        await using var child = await GridProcess.StartAsync("child", ["sh", "-c", "echo \"I am $$\"; echo wrong >&2; exit 3"], Log("a"), _folder);
        Assert.Equal(3, await child.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Equal(string.Create(CultureInfo.InvariantCulture, $"I am {child.Self.Id}\nwrong\n"), child.ReadLog());
    }

    [Fact]
    public async Task A_frozen_child_is_killed_too()
    {
        var child = await GridProcess.StartAsync("child", ["sleep", "600"], Log("b"), _folder);
        child.Send(UnixSignal.Freeze);
        await child.DisposeAsync();
        Assert.False(child.Self.IsRunning);
    }

    [Fact]
    public async Task Waiting_for_a_line_ends_with_the_child_and_shows_its_last_lines()
    {
        await using var child = await GridProcess.StartAsync("child", ["sh", "-c", "echo last words; exit 5"], Log("c"), _folder);
        var failure = await Assert.ThrowsAsync<InvalidOperationException>(() => child.WaitForLogAsync("ready", TimeSpan.FromSeconds(20)));
        Assert.Equal("child ended with exit code 5 before it printed 'ready':\nlast words", failure.Message);
    }

    /// <summary>What the launcher promises is checked on a launcher that is killed: setpriv below a shell stands in for this process.</summary>
    [Fact]
    public async Task Children_end_when_their_parent_is_killed()
    {
        Assert.SkipUnless(ChildLauncher.EndsWithParent, "setpriv (util-linux) is not installed: children of a killed test run stay.");
        await using var parent = await GridProcess.StartAsync("parent", ["sh", "-c", "setpriv --pdeathsig KILL sleep 600 & echo child $!; wait"], Log("d"), _folder);
        await parent.WaitForLogAsync("\n", TimeSpan.FromSeconds(20));
        var child = LinuxProcess.Find(int.Parse(parent.ReadLog().Split(' ')[1], CultureInfo.InvariantCulture))!.Value;
        await Task.Delay(200, TestContext.Current.CancellationToken); // setpriv takes its vow first
        parent.Send(UnixSignal.Kill);
        await parent.WaitAsync(TimeSpan.FromSeconds(20));
        for (int i = 0; i < 200 && child.IsRunning; i++) { await Task.Delay(20, TestContext.Current.CancellationToken); }
        Assert.False(child.IsRunning);
    }

    [Fact]
    public async Task Children_outlive_the_threads_that_asked_for_them()
    {
        GridProcess? child = null;
        var asking = new Thread(() => child = GridProcess.StartAsync("child", ["sleep", "600"], Log("e"), _folder).GetAwaiter().GetResult());
        asking.Start();
        asking.Join();
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.True(child!.Self.IsRunning);
        await child.DisposeAsync();
    }

    [Fact]
    public void Dice_repeat_with_their_seed()
    {
        var dice = new SeededDice(7);
        Assert.Equal([0x63CBE1E459320DD7, 0x044C3CD7F43C661C, 0xE6984080BAB12A02], (ulong[])[dice.NextBits(), dice.NextBits(), dice.NextBits()]);
        int[] counts = new int[6];
        for (int i = 0; i < 6000; i++) { counts[dice.Below(6)]++; }
        Assert.All(counts, count => Assert.InRange(count, 800, 1200));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Log(string name) => Path.Combine(_folder, name + ".log");
}
