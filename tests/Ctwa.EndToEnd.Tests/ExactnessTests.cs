using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>One job, one SHA-256 of the last checkpoint's weights (invariants I1 to I3), however it is run.</summary>
public sealed class ExactnessTests : IDisposable
{
    private readonly Workplace _place = new();

    public static TheoryData<string, bool> Methods { get; } = new()
    {
        { "linear", false }, { "ctwa reference", false }, { "linear", true }, { "ctwa reference", true },
    };

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

    // One lane against two with these methods: Ctwa.Grains.Tests, without processes.
    [Theory, MemberData(nameof(Methods))]
    public async Task The_grid_gives_the_weights_and_history_of_the_local_trainer(string method, bool odd)
    {
        string job = ExactnessJobs.Create(method, odd).WriteTo(_place.Folder);
        var grid = await _place.TrainAsync(job, "grid", "--lanes", "2");
        var local = await _place.TrainLocallyAsync(job, "local");
        Assert.Equal(local.ModelHash, grid.ModelHash);
        Assert.Equal(local.History, grid.History);
    }

    // Without this, an override that is not read would make the theories above compare one job with itself.
    [Fact]
    public async Task Methods_and_sizes_differ_in_their_weights()
    {
        var hashes = new Dictionary<string, string>();
        foreach (var job in ExactnessJobs.All)
        {
            string name = job.Name.Replace(' ', '-');
            hashes[(await _place.TrainLocallyAsync(job.WriteTo(_place.Folder), name)).ModelHash] = job.Name;
        }

        Assert.Equal(ExactnessJobs.All.Count, hashes.Count);
    }

    public void Dispose() => _place.Dispose();

    /// <summary>Name and hash of everything in the checkpoints that must not depend on the run.</summary>
    private static Dictionary<string, string> Files(RunFolder run) =>
        run.Checkpoints.SelectMany(Directory.GetFiles).ToDictionary(file => Path.GetRelativePath(run.FullPath, file), RunFolder.Hash);
}
