using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Channel;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Ctwa.Grains.Compute;

/// <summary>The jobs that this silo computes for, and what it serves of them to other silos.</summary>
public sealed partial class JobHosts(SiloComputeOptions options, ILogger<JobHosts> logger, IServiceProvider services) : ITensorSource, IDisposable
{
    private static long s_refused;

    private readonly ConcurrentDictionary<string, SiloJob> _jobs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<UInt128, string> _hashes = new();
    private readonly ConcurrentDictionary<string, long> _epochs = new(StringComparer.Ordinal);
    private readonly string _silo = services.GetService<ILocalSiloDetails>()?.SiloAddress.ToParsableString() ?? "";
    private readonly Lock _lock = new();
    private int _coordinators;

    /// <summary>No job has shards, slices, rewards or its coordinator here.</summary>
    public bool IsIdle => Volatile.Read(ref _coordinators) == 0 && _jobs.Values.All(job => job.Host is null && job.Rewards is null);

    /// <summary>Jobs that have shards or slices here.</summary>
    public IEnumerable<string> Computing => _jobs.Where(job => job.Value.Host is not null).Select(job => job.Key);

    /// <summary>Calls of coordinators that have been replaced, refused in this process.</summary>
    internal static long RefusedCalls => Interlocked.Read(ref s_refused);

    /// <summary>What computes for them.</summary>
    internal IEnumerable<JobHost> Hosts => _jobs.Values.Select(job => job.Host).OfType<JobHost>();

    /// <summary>How long the oldest piece of work has been running on a lane.</summary>
    public TimeSpan LongestWork => _jobs.Values.Max(job => job.Host?.LongestWork) ?? TimeSpan.Zero;

    /// <summary>This silo's parsable address.</summary>
    public string Silo => _silo;

    /// <summary>A coordinator begins to run a job here, or has ended.</summary>
    public void Coordinate(bool begins) => Interlocked.Add(ref _coordinators, begins ? 1 : -1);

    /// <summary>Refuses a coordinator that has been replaced (invariant I5), and remembers the highest epoch.</summary>
    /// <exception cref="StaleCoordinatorException">It has been.</exception>
    public void Fence(string jobId, long epoch)
    {
        long highest = _epochs.AddOrUpdate(jobId, epoch, (_, known) => Math.Max(known, epoch));
        if (epoch >= highest) { return; }
        Interlocked.Increment(ref s_refused);
        LogStale(logger, jobId, epoch, highest);
        throw new StaleCoordinatorException($"coordinator {epoch} of job '{jobId}' has been replaced by coordinator {highest}.");
    }

    /// <summary>Data, tokenizer and method of a job; opened once per silo.</summary>
    /// <param name="jobId">Job.</param>
    /// <param name="epoch">Of the coordinator that asks.</param>
    /// <param name="spec">The job.</param>
    /// <param name="folder">Where a built-in tokenizer's files go; null: a temporary folder.</param>
    public Task<PreparedJob> PrepareAsync(string jobId, long epoch, JobSpec spec, string? folder) => Get(jobId, epoch, spec).PrepareAsync(folder);

    /// <summary>Makes room for a job.</summary>
    /// <param name="jobId">Job.</param>
    /// <param name="epoch">Of the coordinator that asks.</param>
    /// <param name="spec">The job.</param>
    /// <param name="computes">Make room for weights.</param>
    /// <param name="rewards">Open its rewards.</param>
    public async Task OpenAsync(string jobId, long epoch, JobSpec spec, bool computes, bool rewards)
    {
        var job = Get(jobId, epoch, spec);
        var prepared = await job.PrepareAsync(null);
        lock (job)
        {
            if (computes)
            {
                job.Host ??= new JobHost(prepared, jobId, _silo, options.Lanes, options.Devices, services.GetService<ITensorTransport>());
                job.Host.Epoch = epoch;
            }

            if (rewards) { job.Rewards ??= new JobRewards(prepared, options.Devices[^1], line => LogReward(logger, jobId, line)); }
        }
    }

    /// <summary>Makes room for a job that is prepared already; for tests.</summary>
    internal void Open(string jobId, PreparedJob prepared)
    {
        var job = new SiloJob(prepared.Spec, 0, prepared);
        if (!_jobs.TryAdd(jobId, job)) { throw new InvalidOperationException($"job '{jobId}' is already loaded on this silo."); }
        job.Rewards = new JobRewards(prepared, options.Devices[^1], line => LogReward(logger, jobId, line));
    }

    /// <summary>The job's memory and workers here.</summary>
    /// <exception cref="JobNotHereException">There are none.</exception>
    public JobHost Get(string jobId) => _jobs.TryGetValue(jobId, out var job) && job.Host is { } host ? host : throw new JobNotHereException($"job '{jobId}' is not loaded on silo {_silo}.");

    /// <summary>The job's rewards here.</summary>
    /// <exception cref="JobNotHereException">They are not open.</exception>
    internal JobRewards Rewards(string jobId) => _jobs.TryGetValue(jobId, out var job) && job.Rewards is { } rewards ? rewards : throw new JobNotHereException($"the rewards of job '{jobId}' are not open on silo {_silo}.");

    /// <summary>Frees a job, unless a later coordinator holds it.</summary>
    public void Close(string jobId, long epoch = long.MaxValue)
    {
        SiloJob? job;
        lock (_lock)
        {
            if (!_jobs.TryGetValue(jobId, out job) || job.Epoch > epoch) { return; }
            _jobs.TryRemove(jobId, out _);
            _hashes.TryRemove(TensorId.JobHash(jobId), out _);
        }

        job.Dispose();
    }

    /// <inheritdoc/>
    public TensorLease Open(in TensorRequest request) => _hashes.TryGetValue(request.Id.Job, out string? jobId) && _jobs.TryGetValue(jobId, out var job) && job.Host is { } host
        ? host.Open(request)
        : throw new TensorRefusedException(TensorRefusal.Unknown, $"no such job on silo {_silo}.");

    public void Dispose()
    {
        foreach (string jobId in _jobs.Keys) { Close(jobId); }
    }

    private SiloJob Get(string jobId, long epoch, JobSpec spec)
    {
        Fence(jobId, epoch);
        SiloJob? replaced = null;
        SiloJob job;
        lock (_lock)
        {
            if (!_jobs.TryGetValue(jobId, out job!) || !job.Is(spec))
            {
                replaced = job;
                _jobs[jobId] = job = new SiloJob(spec, epoch, null);
                _hashes[TensorId.JobHash(jobId)] = jobId;
            }

            job.Epoch = Math.Max(job.Epoch, epoch);
        }

        replaced?.Dispose();
        return job;
    }

    [LoggerMessage(EventId = 301, Level = LogLevel.Warning, Message = "reward of job {JobId}: {Line}")]
    private static partial void LogReward(ILogger logger, string jobId, string line);

    [LoggerMessage(EventId = 302, Level = LogLevel.Warning, Message = "refused a call of coordinator {Epoch} of job {JobId}: coordinator {Highest} has replaced it")]
    private static partial void LogStale(ILogger logger, string jobId, long epoch, long highest);
}

/// <summary>What a silo holds of a job.</summary>
internal sealed class SiloJob(JobSpec spec, long epoch, PreparedJob? prepared) : IDisposable
{
    private readonly string _json = JobSpecJson.Serialize(spec);
    private readonly Lock _lock = new();
    private Task<PreparedJob>? _prepared = prepared is null ? null : Task.FromResult(prepared);
    private string? _folder;

    /// <summary>Of the latest coordinator that asked for it.</summary>
    public long Epoch { get; set; } = epoch;

    public JobHost? Host { get; set; }

    public JobRewards? Rewards { get; set; }

    /// <summary>Whether it is this job and not another of the same name.</summary>
    public bool Is(JobSpec other) => JobSpecJson.Serialize(other) == _json;

    public Task<PreparedJob> PrepareAsync(string? folder)
    {
        lock (_lock)
        {
            if (_prepared is { IsFaulted: false }) { return _prepared; }
            string place = folder ?? (_folder ??= Directory.CreateTempSubdirectory("ctwa-job-").FullName);
            return _prepared = Task.Run(() => PreparedJob.Prepare(spec, place));
        }
    }

    public void Dispose()
    {
        Host?.Dispose();
        Rewards?.Dispose();
        if (_folder is null) { return; }
        try { Directory.Delete(_folder, recursive: true); }
        catch (IOException) { /* A few small files in a temporary folder. */ }
    }
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
