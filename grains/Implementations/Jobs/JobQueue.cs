using System.Globalization;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs;

/// <summary>
/// The jobs of a grid and what may become of each: pure bookkeeping, without calls or clocks. Every change replaces
/// <see cref="State"/> as a whole, so that it can be stored while the next change is made.
/// </summary>
internal sealed class JobQueue(GridState state, JobQueueOptions options)
{
    public GridState State { get; private set; } = state;

    /// <summary>Jobs at a time.</summary>
    public int Quota => State.Quota ?? options.ConcurrentJobs;

    public IEnumerable<JobRecord> Active => State.Jobs.Where(job => job.IsActive);

    public JobRecord? Find(string jobId) => State.Jobs.FirstOrDefault(job => job.JobId == jobId);

    /// <summary>A new id: the name, the time, and a number where that is taken.</summary>
    public string NewId(string name, DateTimeOffset now)
    {
        string stem = $"{name}-{now.UtcDateTime.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
        for (int number = 1; ; number++)
        {
            string id = number == 1 ? stem : string.Create(CultureInfo.InvariantCulture, $"{stem}-{number}");
            if (Find(id) is null) { return id; }
        }
    }

    /// <summary>Puts a job at the end of the queue.</summary>
    /// <param name="create">Makes its record, given its number.</param>
    /// <exception cref="JobRefusedException">There are too many, or its run directory belongs to another.</exception>
    public JobRecord Add(Func<long, JobRecord> create)
    {
        var job = create(State.LastNumber + 1);
        if (State.Jobs.Count(other => !other.HasEnded) is var living && living >= GridLimits.LivingJobs) { throw new JobRefusedException(FormattableString.Invariant($"{living} jobs wait, run or are paused; accepted are {GridLimits.LivingJobs}. Cancel some, or wait.")); }
        if (State.Jobs.FirstOrDefault(other => !other.HasEnded && other.RunDirectory == job.RunDirectory) is { } owner) { throw new JobRefusedException($"run directory '{job.RunDirectory}' belongs to job {owner.JobId}, which is {Word(owner.State)}; name another, or act on that job."); }
        State = State with { Jobs = State.Jobs.Add(job), LastNumber = job.Number };
        return job;
    }

    /// <summary>Takes a job back whose record could not be stored.</summary>
    public void Remove(string jobId) => State = State with { Jobs = State.Jobs.RemoveAll(job => job.JobId == jobId) };

    /// <summary>Jobs whose turn it is: by priority, then by age, as many as the quota leaves room for.</summary>
    public IReadOnlyList<JobRecord> Next() =>
        [.. State.Jobs.Where(job => job.State == JobState.Queued).OrderByDescending(job => job.Priority).ThenBy(job => job.Number).Take(Math.Max(0, Quota - Active.Count()))];

    public void Start(string jobId, DateTimeOffset now, IEnumerable<string> peers) =>
        Change(jobId, job => job with { State = JobState.Running, StartedAt = job.StartedAt ?? now, EndedAt = null, Failure = null, Restarts = 0, Peers = [.. peers] });

    /// <summary>Applies a change to a job's record.</summary>
    public void Change(string jobId, Func<JobRecord, JobRecord> change)
    {
        if (Find(jobId) is { } job) { State = State with { Jobs = State.Jobs.Replace(job, change(job)) }; }
    }

    /// <summary>Ends a job, and forgets the oldest ended ones.</summary>
    /// <returns>Ids of forgotten jobs.</returns>
    public IReadOnlyList<string> End(string jobId, JobState end, JobFailure? failure, DateTimeOffset now)
    {
        Change(jobId, job => job with { State = end, Failure = Shortened(failure), EndedAt = now });
        string[] forgotten = [.. State.Jobs.Where(job => job.HasEnded).OrderByDescending(job => job.EndedAt).Skip(GridLimits.EndedJobs).Select(job => job.JobId)];
        if (forgotten.Length > 0) { State = State with { Jobs = State.Jobs.RemoveAll(job => forgotten.Contains(job.JobId)) }; }
        return forgotten;
    }

    public void Pause(string jobId) => Act(jobId, "paused", job => job.State switch
    {
        JobState.Queued => JobState.Paused,
        JobState.Running => JobState.Pausing,
        JobState.Paused or JobState.Pausing => job.State,
        _ => null,
    });

    public void Resume(string jobId)
    {
        var job = Require(jobId);
        if (job.State is JobState.Queued or JobState.Running) { return; }
        if (job.State is JobState.Succeeded or JobState.Pausing or JobState.Cancelling) { throw Impossible(job, "resumed", job.State == JobState.Succeeded ? "It is complete." : "Wait until it has stopped."); }
        if (State.Jobs.FirstOrDefault(other => !other.HasEnded && other.JobId != jobId && other.RunDirectory == job.RunDirectory) is { } owner) { throw Impossible(job, "resumed", $"Its run directory belongs to job {owner.JobId} now."); }
        Change(jobId, record => record with { State = JobState.Queued, EndedAt = null });
    }

    /// <returns>Whether it has ended at once.</returns>
    public bool Cancel(string jobId)
    {
        var job = Require(jobId);
        switch (job.State)
        {
            case JobState.Queued or JobState.Paused: return true;
            case JobState.Running or JobState.Pausing: Change(jobId, record => record with { State = JobState.Cancelling }); break;
            case JobState.Cancelling or JobState.Cancelled: break;
            default: throw Impossible(job, "cancelled", "It has ended.");
        }

        return false;
    }

    public void SetPriority(string jobId, int priority)
    {
        RequirePriority(priority);
        _ = Require(jobId);
        Change(jobId, job => job with { Priority = priority });
    }

    public void SetQuota(int quota) => State = quota is >= 1 and <= GridLimits.HighestQuota
        ? State with { Quota = quota }
        : throw new JobRefusedException(FormattableString.Invariant($"the quota is {quota}; accepted are 1 to {GridLimits.HighestQuota} jobs at a time."));

    public static void RequirePriority(int priority)
    {
        if (priority is < GridLimits.LowestPriority or > GridLimits.HighestPriority) { throw new JobRefusedException(FormattableString.Invariant($"the priority is {priority}; accepted are {GridLimits.LowestPriority} to {GridLimits.HighestPriority}.")); }
    }

    /// <exception cref="JobRefusedException">There is no such job.</exception>
    public JobRecord Require(string jobId) => Find(jobId) ?? throw new JobRefusedException($"there is no job '{Text(jobId)}' on this grid; ctwa jobs lists them.");

    private void Act(string jobId, string verb, Func<JobRecord, JobState?> next)
    {
        var job = Require(jobId);
        var state = next(job) ?? throw Impossible(job, verb, "");
        Change(jobId, record => record with { State = state });
    }

    private static JobRefusedException Impossible(JobRecord job, string verb, string reason) => new($"job {job.JobId} is {Word(job.State)} and cannot be {verb}. {reason}".TrimEnd());

    private static string Word(JobState state) => state.ToString().ToLowerInvariant();

    // What a client names may be anything.
    private static string Text(string jobId) => jobId.Length <= 100 ? jobId : jobId[..100] + "...";

    private static JobFailure? Shortened(JobFailure? failure) => failure is { Message.Length: > 2000 } ? failure with { Message = failure.Message[..2000] + "..." } : failure;
}

/// <summary>The grid does not do what was asked for; the message says why and what is accepted.</summary>
internal sealed class JobRefusedException(string message) : Exception(message);
