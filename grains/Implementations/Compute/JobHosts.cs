using System.Collections.Concurrent;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Compute;

/// <summary>The jobs that this silo computes for.</summary>
public sealed partial class JobHosts(SiloComputeOptions options, ILogger<JobHosts> logger) : IDisposable
{
    private readonly ConcurrentDictionary<string, JobHost> _hosts = new(StringComparer.Ordinal);

    /// <summary>Makes room for a job.</summary>
    public JobHost Open(string jobId, PreparedJob job) => _hosts.AddOrUpdate(
        jobId,
        _ => new JobHost(job, options.Lanes, options.Devices, line => LogReward(logger, jobId, line)),
        (_, _) => throw new InvalidOperationException($"job '{jobId}' is already loaded on this silo."));

    /// <summary>The job's host.</summary>
    /// <exception cref="InvalidOperationException">The job is not loaded here.</exception>
    public JobHost Get(string jobId) => _hosts.TryGetValue(jobId, out var host)
        ? host
        : throw new InvalidOperationException($"job '{jobId}' is not loaded on this silo.");

    /// <summary>Frees a job's memory.</summary>
    public void Close(string jobId)
    {
        if (_hosts.TryRemove(jobId, out var host)) { host.Dispose(); }
    }

    public void Dispose()
    {
        foreach (string jobId in _hosts.Keys) { Close(jobId); }
    }

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "reward of job {JobId}: {Line}")]
    private static partial void LogReward(ILogger logger, string jobId, string line);
}

/// <summary>What a silo lends to jobs.</summary>
public sealed record SiloComputeOptions
{
    /// <summary>Compute lanes per job: dedicated threads that work on shards side by side.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>Where models compute: lanes take them in turn, and the first has master weights, moments and sums of gradients. Never changes results, if all are of one kind.</summary>
    public IReadOnlyList<TorchSharp.torch.Device> Devices { get; init; } = [TorchSharp.torch.CPU];

    /// <summary>Programs, hosts and secrets that jobs may use.</summary>
    public RewardPolicy Rewards { get; init; } = RewardPolicy.Closed;
}
