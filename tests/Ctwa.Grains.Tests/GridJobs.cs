using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Grains.Tests;

/// <summary>A folder that goes with the test, and runs in it with and without a grid.</summary>
internal sealed class GridJobs : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("ctwa-grains-").FullName;

    public JobSpec Read(ExactnessJob job)
    {
        var read = JobSpecReader.Read(job.WriteTo(Folder), []);
        Assert.True(read.Spec is not null, string.Join('\n', read.Errors));
        return read.Spec;
    }

    public RunFolder Run(string name) => new(Path.Combine(Folder, name));

    public JobSubmission Submission(JobSpec spec, string run, bool resume = false) => new(JobSpecJson.Serialize(spec), Path.Combine(Folder, run), resume);

    public async Task<RunFolder> TrainLocallyAsync(JobSpec spec, string name)
    {
        using var run = RunDirectory.Open(Path.Combine(Folder, name), resume: false);
        Assert.Equal(RunOutcome.Finished, await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, run.Path), run, new Silence()));
        return Run(name);
    }

    /// <summary>Watches a submitted job to its end.</summary>
    public static async Task<(JobProgress End, ImmutableArray<JobEvent> Events)> WatchAsync(ICoordinatorGrain coordinator, CancellationToken cancellationToken)
    {
        var events = ImmutableArray.CreateBuilder<JobEvent>();
        while (true)
        {
            var progress = await coordinator.Watch(events.Count, cancellationToken);
            events.AddRange(progress.Events);
            if (progress.Events.IsEmpty && progress.Status is JobStatus.Succeeded or JobStatus.Stopped or JobStatus.Failed) { return (progress, events.ToImmutable()); }
        }
    }

    /// <summary>Trains a job without a grid, and on silos of one and two lanes: weights and metrics are equal bit for bit.</summary>
    /// <param name="devices">Devices of the silo with two lanes, each with a replica of its own.</param>
    public async Task RequireGridEqualsLocalAsync(JobSpec spec, CancellationToken token, int devices = 1, RewardPolicy? rewards = null)
    {
        var local = await TrainLocallyAsync(spec, "local");
        foreach (int lanes in (int[])[1, 2])
        {
            string id = $"lanes-{lanes}";
            await using var silo = await TestSilo.StartAsync(lanes, rewards, lanes == 1 ? 1 : devices);
            var coordinator = silo.Grains.GetGrain<ICoordinatorGrain>(id);
            Assert.Null(await coordinator.Submit(Submission(spec, id), token));
            var (end, _) = await WatchAsync(coordinator, token);
            Assert.Equal((JobStatus.Succeeded, null), (end.Status, end.Failure));
            Assert.Equal(local.ModelHash, Run(id).ModelHash);
            Assert.Equal(local.History, Run(id).History);
        }
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    private sealed class Silence : ITrainingObserver
    {
        public void Message(string text) { }

        public void Warning(string text) { }

        public void Metrics(TrainingStage stage, string json) { }

        public void Checkpoint(TrainingStage stage, int step, string path) { }

        public void Summary(string json) { }
    }
}
