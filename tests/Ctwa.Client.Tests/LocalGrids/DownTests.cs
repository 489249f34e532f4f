using System.Diagnostics;
using Ctwa.Client.Commands;
using Ctwa.Client.LocalGrids;
using Ctwa.Client.Supervision;
using Xunit;

namespace Ctwa.Client.Tests.LocalGrids;

/// <summary>A grid is ended by its own record, and nobody else is.</summary>
public sealed class DownTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ctwa-down-").FullName;
    private readonly StringWriter output = new();
    private readonly StopSignals signals = new();

    public void Dispose()
    {
        Directory.Delete(folder, recursive: true);
        signals.Dispose();
    }

    [Fact]
    public async Task The_recorded_process_is_ended()
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"]))!;
        Record(ProcessIdentity.Find(process.Id)!).Write(folder);
        Assert.Equal(ExitCodes.Success, await DownCommand.RunAsync(folder, force: false, output, signals));
        Assert.EndsWith("the grid has ended\n", output.ToString(), StringComparison.Ordinal);
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task Force_sends_the_signal_that_does_not_wait()
    {
        using var process = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "n=0; trap 'n=$((n+1)); [ $n -eq 2 ] && exit 0' TERM; while :; do sleep 0.02; done"]))!;
        Record(ProcessIdentity.Find(process.Id)!).Write(folder);
        Assert.Equal(ExitCodes.Success, await DownCommand.RunAsync(folder, force: true, output, signals));
    }

    [Fact]
    public async Task A_process_that_got_the_same_id_later_is_left_alone()
    {
        using var innocent = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 60"]))!;
        try
        {
            var now = ProcessIdentity.Find(innocent.Id)!;
            foreach (var earlier in (ProcessIdentity[])[now with { StartTicks = now.StartTicks - 1 }, now with { Boot = "another boot" }])
            {
                Record(earlier).Write(folder);
                Assert.Equal(ExitCodes.Success, await DownCommand.RunAsync(folder, force: true, output, signals));
                Assert.Contains($"no grid runs from {folder}: its process {innocent.Id} has ended before", output.ToString(), StringComparison.Ordinal);
                Assert.Null(GridRecord.Read(folder));
                Assert.True(now.IsRunning);
            }
        }
        finally
        {
            innocent.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task A_folder_without_a_grid_is_said_to_be_one_and_a_missing_folder_is_a_mistake()
    {
        Assert.Equal(ExitCodes.Success, await DownCommand.RunAsync(folder, force: false, output, signals));
        Assert.Equal($"no grid runs from {folder}\n", output.ToString());
        await File.WriteAllTextAsync(Path.Combine(folder, "up.json"), "{\"process\": 1}", TestContext.Current.CancellationToken);
        Assert.Null(GridRecord.Read(folder));
        var failure = await Assert.ThrowsAsync<CommandFailure>(() => DownCommand.RunAsync(Path.Combine(folder, "none"), force: false, output, signals));
        Assert.Equal(ExitCodes.BadInput, failure.ExitCode);
    }

    [Fact]
    public void A_folder_belongs_to_one_grid()
    {
        using var first = GridRecord.Claim(folder, "grid");
        Record(ProcessIdentity.Self).Write(folder);
        var failure = Assert.Throws<CommandFailure>(() => GridRecord.Claim(folder, "grid"));
        Assert.Equal((ExitCodes.StorageFailed, $"a grid runs from grid already (process {Environment.ProcessId}). End it with: ctwa down --data grid; or choose another --data."), (failure.ExitCode, failure.Message));
    }

    [Fact]
    public void A_process_is_known_by_its_start()
    {
        Assert.True(ProcessIdentity.Self.IsRunning);
        Assert.Equal(Environment.ProcessId, ProcessIdentity.Self.Id);
        Assert.Null(ProcessIdentity.Find(int.MaxValue));
        Record(ProcessIdentity.Self).Write(folder);
        Assert.Equal(ProcessIdentity.Self, GridRecord.Read(folder)!.Process);
    }

    private static GridRecord Record(ProcessIdentity process) => new() { Process = process, Silos = 2, ClusterId = "c", DrainTimeout = 0, StartedAt = DateTimeOffset.UnixEpoch };
}
