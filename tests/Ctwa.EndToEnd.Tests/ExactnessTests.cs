using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>One job, one SHA-256 of the last checkpoint's weights (invariants I1 to I3), however it is run.</summary>
public sealed class ExactnessTests : IDisposable
{
    private readonly Workplace _place = new();

    // The other methods, and other numbers of lanes, are compared without processes in Ctwa.Grains.Tests.
    [Theory, InlineData(false), InlineData(true), Trait("Category", Workplace.Long)]
    public async Task Two_runs_one_lane_two_lanes_and_no_grid_at_all_give_the_same_files_and_history(bool odd)
    {
        string job = ExactnessJobs.Create("ctwa", odd).WriteTo(_place.Folder);
        var local = await _place.TrainLocallyAsync(job, "local");
        Assert.Equal([.. Enumerable.Range(1, 30).Select(step => $"supervised {step}"), .. Enumerable.Range(0, 7).Select(step => $"rl {step}")], local.Steps);
        foreach (string lanes in (string[])["1", "2", "2"])
        {
            var run = await _place.TrainAsync(job, "run", "--lanes", lanes);
            Assert.Equal(local.ModelHash, run.ModelHash);
            Assert.Equal(Files(local), Files(run));
            Assert.Equal(local.History, run.History);
            Directory.Delete(run.FullPath, recursive: true);
        }
    }

    public void Dispose() => _place.Dispose();

    /// <summary>Name and hash of everything in the checkpoints that must not depend on the run.</summary>
    private static Dictionary<string, string> Files(RunFolder run) =>
        run.Checkpoints.SelectMany(Directory.GetFiles).ToDictionary(file => Path.GetRelativePath(run.FullPath, file), RunFolder.Hash);
}
