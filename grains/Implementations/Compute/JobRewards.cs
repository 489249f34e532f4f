using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Compute;

/// <summary>The job's sources of scores, opened on this silo; reward models compute on a lane of their own.</summary>
internal sealed class JobRewards : IDisposable
{
    private readonly ComputeLane? _lane;

    /// <exception cref="JobInputException">A reward cannot be opened.</exception>
    public JobRewards(PreparedJob job, TorchSharp.torch.Device device, Action<string> log)
    {
        Job = job;
        _lane = job.Spec.Objectives.Select(objective => objective.Reward).Concat(job.Spec.RewardModels.Select(model => model.Reward)).Any(reward => reward is ModelRewardSpec) ? new ComputeLane(-1, job.Spec.Grid.ThreadsPerShard) : null;
        try
        {
            var services = new RewardServices { Log = log, Device = device, Parallel = Environment.ProcessorCount };
            Set = job.OpenRewards(_lane is { } lane ? services with { Lane = new RewardLane(lane) } : services);
        }
        catch
        {
            _lane?.Dispose();
            throw;
        }
    }

    public PreparedJob Job { get; }

    public RewardSet Set { get; }

    public void Dispose()
    {
        Set.Dispose();
        _lane?.Dispose();
    }

    private sealed class RewardLane(ComputeLane lane) : IRewardLane
    {
        public Task<T> RunAsync<T>(Func<T> work) => lane.RunAsync(work);
    }
}
