using System.Globalization;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Chaos;

/// <summary>A job that lasts longer than a silo may be away, and what its undisturbed run came to.</summary>
internal sealed class LongJob(string folder, int steps = 60)
{
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(5);

    /// <summary>Job file.</summary>
    public string Path { get; } = ExactnessJobs.Interrupted.WriteTo(folder, text => text
        .Replace("schedule: { steps: 6, validate_every: 3,", string.Create(CultureInfo.InvariantCulture, $"schedule: {{ steps: {steps}, validate_every: 30,"), StringComparison.Ordinal)
        .Replace("samples_per_prompt: 4", "samples_per_prompt: 16", StringComparison.Ordinal));

    /// <summary>Runs it undisturbed with <c>ctwa train</c>.</summary>
    public async Task<RunFolder> UndisturbedAsync()
    {
        string run = System.IO.Path.Combine(folder, "undisturbed");
        var result = await CtwaProcess.RunAsync(folder, ["train", Path, "--output", run]);
        Assert.True(result.ExitCode == 0, result.ToString());
        return new RunFolder(run);
    }

    /// <summary>Waits until a run has so many lines more than it has now.</summary>
    public static async Task GoOnAsync(RunFolder run, int lines, GridProcess client)
    {
        int before = RunProgress.Of(run).Lines;
        Assert.True(await RunProgress.WaitAsync(run, before + lines, client, Deadline), $"the job ended before its line {before + lines}:\n{client.ReadLog()}");
    }

    public static void Equal(RunFolder expected, RunFolder run)
    {
        Assert.Equal(expected.ModelHash, run.ModelHash);
        Assert.Equal(expected.ScalarizerState, run.ScalarizerState);
        Assert.Equal(expected.History, run.History);
    }
}
