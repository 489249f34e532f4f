using System.Diagnostics;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>Signals end in a checkpoint and a run that goes on to the same weights.</summary>
public sealed class StopTests : IDisposable
{
    private readonly Workplace _place = new();

    // Long enough that no machine finishes it before the signal.
    private readonly string _long;

    public StopTests() => _long = ExactnessJobs.Create("ctwa", odd: false).WriteTo(_place.Folder, yaml => yaml.Replace("schedule: { steps: 6", "schedule: { steps: 5000", StringComparison.Ordinal));

    [Fact]
    public async Task Ctrl_C_checkpoints_and_the_resumed_run_has_the_weights_of_an_undisturbed_one()
    {
        string job = ExactnessJobs.Create("ctwa", odd: false).WriteTo(_place.Folder);
        var undisturbed = await _place.TrainAsync(job, "undisturbed");

        await using var client = CtwaProcess.Start(_place.Folder, "train", job, "--output", "run");
        await client.WaitForOutputAsync("supervised");
        client.Client.SendToGroup(UnixSignal.Interrupt);
        var stopped = await client.WaitAsync();
        await client.WaitForSiloToLeaveAsync(CtwaProcess.Patience);
        Assert.True(stopped.ExitCode == 130, stopped.ToString());
        Assert.Contains("stopping: writing a checkpoint at the next step (Ctrl-C again ends at once)", stopped.Output, StringComparison.Ordinal);
        Assert.Matches("\nstopped; resume with: .* train --resume run\n$", stopped.Output);

        var run = _place.Run("run");
        Assert.NotEmpty(run.Checkpoints);
        Assert.NotEqual(undisturbed.Steps, run.Steps);
        Workplace.Succeeded(await CtwaProcess.RunAsync(_place.Folder, "train", "--resume", "run"));
        Assert.Equal(undisturbed.ModelHash, run.ModelHash);
        Assert.Equal(undisturbed.History, run.History);
    }

    // To the group, as terminals and service managers do: the silo must leave the decision to its client.
    [Theory, InlineData(UnixSignal.Terminate, 143), InlineData(UnixSignal.Hangup, 129)]
    public async Task Other_signals_to_the_whole_group_checkpoint_as_well(UnixSignal signal, int exitCode)
    {
        await using var client = CtwaProcess.Start(_place.Folder, "train", _long, "--output", "run");
        await client.WaitForOutputAsync("2/5000");
        client.Client.SendToGroup(signal);
        var stopped = await client.WaitAsync();
        Assert.True(stopped.ExitCode == exitCode, stopped.ToString());
        Assert.Matches("\nstopped; resume with: .* train --resume run\n$", stopped.Output);
        // The checkpoint is that of the last step told, not an older one of the schedule.
        Assert.Equal(_place.Run("run").Steps[^1], "rl " + int.Parse(Path.GetFileName(_place.Run("run").LastCheckpoint)["step-".Length..], System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public async Task A_second_Ctrl_C_ends_at_once()
    {
        await using var client = CtwaProcess.Start(_place.Folder, "train", _long, "--output", "run");
        await client.WaitForOutputAsync("1/5000");
        // A frozen silo can write no checkpoint, so that the first Ctrl-C alone would wait.
        (await client.WaitForSiloAsync())!.Value.Send(UnixSignal.Freeze);
        client.Client.SendToGroup(UnixSignal.Interrupt);
        await client.WaitForOutputAsync("Ctrl-C again ends at once");
        var clock = Stopwatch.StartNew();
        client.Client.SendToGroup(UnixSignal.Interrupt);
        var ended = await client.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.True(ended.ExitCode == 130, ended.ToString());
        Assert.Matches("\nended at once, without a checkpoint.\nresume with: .* train --resume run\n$", ended.Output);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"it took {clock.Elapsed}");
        await client.WaitForSiloToLeaveAsync(TimeSpan.FromSeconds(10));
    }

    public void Dispose() => _place.Dispose();
}
