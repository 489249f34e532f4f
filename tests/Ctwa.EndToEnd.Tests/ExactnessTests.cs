using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.EndToEnd.Tests;

/// <summary>One job, one SHA-256 of the last checkpoint's weights (invariants I1 to I3), however it is run.</summary>
public sealed class ExactnessTests : IDisposable
{
    private readonly Workplace _place = new();

    public static TheoryData<string, bool> Cases { get; } = new()
    {
        { "linear", false }, { "ctwa", false }, { "ctwa reference", false },
        { "linear", true }, { "ctwa", true }, { "ctwa reference", true },
    };

    [Theory, MemberData(nameof(Cases)), Trait("Category", Workplace.Long)]
    public async Task One_lane_two_lanes_and_no_grid_at_all_give_the_same_weights_and_history(string method, bool odd)
    {
        string job = _place.Write("job.yaml", ExactnessJobs.Create(method, odd).Yaml);
        var one = await _place.TrainAsync(job, "one-lane", "--lanes", "1");
        var two = await _place.TrainAsync(job, "two-lanes", "--lanes", "2");
        var local = await _place.TrainLocallyAsync(job, "local");
        Assert.Equal(one.ModelHash, two.ModelHash);
        Assert.Equal(one.ModelHash, local.ModelHash);
        Assert.Equal(one.History, two.History);
        Assert.Equal(one.History, local.History);
        Assert.Equal([.. Enumerable.Range(1, 20).Select(step => $"supervised {step}"), .. Enumerable.Range(0, 7).Select(step => $"rl {step}")], one.Steps);
    }

    [Theory, InlineData(false), InlineData(true)]
    public async Task Two_runs_give_the_same_files(bool odd)
    {
        string job = _place.Write("job.yaml", ExactnessJobs.Create("ctwa", odd).Yaml);
        var first = await _place.TrainAsync(job, "first");
        var second = await _place.TrainAsync(job, "second");
        Assert.Equal(Files(first), Files(second));
    }

    // Without this, an override that is not read would make the theory above compare one job with itself.
    [Fact]
    public async Task Methods_and_sizes_differ_in_their_weights()
    {
        var hashes = new Dictionary<string, string>();
        foreach (var job in ExactnessJobs.All)
        {
            string name = job.Name.Replace(' ', '-');
            hashes[(await _place.TrainLocallyAsync(_place.Write($"{name}.yaml", job.Yaml), name)).ModelHash] = job.Name;
        }

        Assert.Equal(ExactnessJobs.All.Count, hashes.Count);
    }

    public void Dispose() => _place.Dispose();

    /// <summary>Name and hash of everything in the checkpoints that must not depend on the run.</summary>
    private static Dictionary<string, string> Files(RunFolder run) =>
        run.Checkpoints.SelectMany(Directory.GetFiles).ToDictionary(file => Path.GetRelativePath(run.FullPath, file), RunFolder.Hash);
}
