using TorchSharp;

namespace Ctwa.Training.Rewards;

/// <summary>Where the tensor work of reward models runs (invariant I9).</summary>
public interface IRewardLane
{
    /// <summary>Runs work on the lane, in the order of the calls.</summary>
    Task<T> RunAsync<T>(Func<T> work);
}

/// <summary>What reward models need of their host.</summary>
public sealed record RewardServices
{
    /// <summary>For <c>kind: model</c>. Default: the calling thread.</summary>
    public IRewardLane Lane { get; init; } = new CallingThread();

    /// <summary>Where models compute.</summary>
    public torch.Device Device { get; init; } = torch.CPU;

    /// <summary>Gets lines for the silo's log: what programs write to standard error, restarts, retries.</summary>
    public Action<string> Log { get; init; } = _ => { };

    /// <summary>Plain rewards that run at a time.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>First wait before a retry or a restart; it doubles each time.</summary>
    public TimeSpan FirstBackoff { get; init; } = TimeSpan.FromMilliseconds(250);

    private sealed class CallingThread : IRewardLane
    {
        public Task<T> RunAsync<T>(Func<T> work) => Task.FromResult(work());
    }
}
