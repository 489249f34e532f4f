using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Runtime;
using ClusterOptions = Orleans.Configuration.ClusterOptions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>
/// Looks at the grid when somebody asks, with calls that clients make too. However many ask, it looks once a second at most, and
/// no more than a tenth of the time where looking takes long. Training never waits for it. Safe for several threads.
/// </summary>
internal sealed class StatusSource(IGrainFactory grains, ILocalSiloDetails silo, IOptions<ClusterOptions> cluster, TimeProvider time, ILogger<StatusSource> logger)
{
    private const int MostPages = 64;
    private const int MostActive = 20;
    private const int MostWaiting = 30;
    private const int MostEnded = 20;
    private const int MostEndedFollowed = 4;
    private const int MostFaults = 40;

    private static readonly TimeSpan s_deadline = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan s_shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly IGridGrain _grid = grains.GetGrain<IGridGrain>(IGridGrain.Key);
    private readonly Dictionary<string, JobFollower> _followers = new(StringComparer.Ordinal);
    private IReadOnlyList<SiloOverview> _silos = [];
    private IReadOnlyList<JobRecord> _jobs = [];
    private int _quota;
    private Task<GridStatus>? _looking;
    private (GridStatus Status, long Made, TimeSpan Keep)? _last;

    /// <summary>The grid as it is, or was a moment ago.</summary>
    public Task<GridStatus> GetAsync(CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            if (_last is { } last && time.GetElapsedTime(last.Made) < last.Keep) { return Task.FromResult(last.Status); }
            // Whoever asks while somebody looks gets what is seen then; it is nobody's request that is being served.
            if (_looking is not { IsCompleted: false }) { _looking = Task.Run(LookAsync, CancellationToken.None); }
            return _looking.WaitAsync(cancellationToken);
        }
    }

    private async Task<GridStatus> LookAsync()
    {
        long start = time.GetTimestamp();
        var problems = new List<string>();
        await Task.WhenAll(TryAsync("the grid's silos", ReadSilosAsync, problems), TryAsync("the grid's jobs", ReadJobsAsync, problems));
        var (shown, followed) = Choose(_jobs);
        foreach (string gone in _followers.Keys.Except(followed.Select(job => job.JobId)).ToArray()) { _followers.Remove(gone); }
        foreach (var job in followed) { _followers.TryAdd(job.JobId, new JobFollower(job.JobId, _grid, grains.GetGrain<ICoordinatorGrain>(job.JobId))); }
        await Task.WhenAll(followed.Select(job => TryAsync($"the steps of job {job.JobId}", token => _followers[job.JobId].RefreshAsync(job, s_deadline, token), problems)));
        var status = new GridStatus
        {
            Cluster = cluster.Value.ClusterId,
            ServedBy = silo.SiloAddress.ToParsableString(),
            At = time.GetUtcNow(),
            Silos = _silos,
            Quota = _quota,
            Jobs = [.. shown.Select(job => _followers.TryGetValue(job.JobId, out var follower) ? follower.View(job) : new JobView(job, [], [], null))],
            JobsHidden = _jobs.Count - shown.Count,
            Faults = [.. _followers.Values.SelectMany(follower => follower.Faults).OrderByDescending(fault => fault.At).Take(MostFaults)],
            Problems = problems,
        };
        var keep = time.GetElapsedTime(start) * 9;
        lock (_lock) { _last = (status, time.GetTimestamp(), keep < s_shortest ? s_shortest : keep > s_longest ? s_longest : keep); }
        return status;
    }

    /// <summary>Those that are shown, and those of them that are looked into.</summary>
    private static (IReadOnlyList<JobRecord> Shown, IReadOnlyList<JobRecord> Followed) Choose(IReadOnlyList<JobRecord> jobs)
    {
        JobRecord[] active = [.. jobs.Where(job => job.IsActive).OrderByDescending(job => job.Priority).ThenBy(job => job.Number).Take(MostActive)];
        JobRecord[] ended = [.. jobs.Where(job => job.HasEnded).OrderByDescending(job => job.EndedAt).Take(MostEnded)];
        var waiting = jobs.Where(job => !job.IsActive && !job.HasEnded).OrderByDescending(job => job.Priority).ThenBy(job => job.Number).Take(MostWaiting);
        return ([.. active, .. waiting, .. ended], [.. active, .. ended.Where(job => job.StartedAt is not null).Take(MostEndedFollowed)]);
    }

    private async Task ReadSilosAsync(CancellationToken cancellationToken)
    {
        var silos = new List<SiloOverview>();
        for (int page = 0; page < MostPages; page++)
        {
            var some = await _grid.Silos(silos.Count == 0 ? null : silos[^1].Address, cancellationToken).WaitAsync(s_deadline, cancellationToken);
            silos.AddRange(some.Silos);
            if (!some.More || some.Silos.IsEmpty) { break; }
        }

        _silos = silos;
    }

    private async Task ReadJobsAsync(CancellationToken cancellationToken)
    {
        var jobs = new List<JobRecord>();
        for (int page = 0; page < MostPages; page++)
        {
            var some = await _grid.List(jobs.Count == 0 ? 0 : jobs[^1].Number, cancellationToken).WaitAsync(s_deadline, cancellationToken);
            jobs.AddRange(some.Jobs);
            _quota = some.Quota;
            if (!some.More || some.Jobs.IsEmpty) { break; }
        }

        _jobs = jobs;
    }

    /// <summary>One part that does not answer must not hide the others.</summary>
    private async Task TryAsync(string what, Func<CancellationToken, Task> look, List<string> problems)
    {
        try
        {
            await look(CancellationToken.None);
        }
        catch (Exception failure)
        {
            if (failure is not (TimeoutException or OrleansException or OperationCanceledException)) { logger.LogWarning(failure, "the status page could not look at {What}", what); }
            lock (problems) { problems.Add($"{what} could not be asked just now ({(failure is TimeoutException ? "no answer in time" : failure.GetType().Name)}); they are shown as they were seen before."); }
        }
    }
}
