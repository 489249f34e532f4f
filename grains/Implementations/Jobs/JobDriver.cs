using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs;

/// <summary>
/// Looks after the jobs whose turn it is: gives each to its coordinator, sees what becomes of it, and gives it to the next
/// incarnation when a silo took the coordinator with it. Every call may be repeated.
/// </summary>
/// <param name="queue">Where the outcome is noted.</param>
/// <param name="loadSpec">The text of a job; null if it is lost.</param>
internal sealed class JobDriver(JobQueue queue, IJobCoordinators coordinators, JobQueueOptions options, Func<string, Task<string?>> loadSpec, TimeProvider time)
{
    private readonly Dictionary<string, Sight> _sights = new(StringComparer.Ordinal);

    /// <summary>One look at an active job.</summary>
    /// <returns>Whether there is something to store.</returns>
    public async Task<bool> LookAsync(string jobId, CancellationToken cancellationToken)
    {
        if (!_sights.TryGetValue(jobId, out var sight)) { _sights[jobId] = sight = new Sight(); }
        var coordinator = coordinators.Of(jobId);
        var progress = await coordinator.Watch(sight.Sequence, cancellationToken);
        // Somebody may have acted on the job while we waited.
        if (queue.Find(jobId) is not { IsActive: true } job) { return false; }
        bool changed = Note(job, sight, progress);
        switch (progress.Status)
        {
            case JobStatus.Unknown when job.State == JobState.Running:
                return await StartAsync(job, sight, coordinator, cancellationToken) || changed;
            case JobStatus.Unknown or JobStatus.Stopped when job.State != JobState.Running:
                Halt(job, failure: null);
                return true;
            case JobStatus.Stopped:
                // Not by the queue: its silo leaves, or somebody spoke to the coordinator itself. It goes on.
                await coordinators.RetireAsync(jobId);
                return changed;
            case JobStatus.Running when job.State != JobState.Running:
                await coordinator.Stop(cancellationToken);
                return changed;
            case JobStatus.Succeeded:
                End(jobId, JobState.Succeeded, null);
                return true;
            case JobStatus.Failed:
                await FailAsync(job, progress.Failure ?? new JobFailure(JobFailureKind.Internal, "the job failed without saying why."));
                return true;
            default:
                return changed;
        }
    }

    /// <summary>Forgets what was seen of a job that is not active any more.</summary>
    public void Forget(string jobId) => _sights.Remove(jobId);

    private async Task<bool> StartAsync(JobRecord job, Sight sight, ICoordinatorGrain coordinator, CancellationToken cancellationToken)
    {
        if (await loadSpec(job.JobId) is not { } json)
        {
            End(job.JobId, JobState.Failed, new JobFailure(JobFailureKind.Internal, "the text of the job is not in the grid's storage any more; submit the job again, with --resume for its run directory."));
            return true;
        }

        // A new job's directory held none when it was admitted: one that is there now is its own.
        bool resume = await Task.Run(() => File.Exists(Path.Combine(job.RunDirectory, "job.yaml")), cancellationToken);
        var refusal = await coordinator.Submit(new JobSubmission(json, job.RunDirectory, resume), cancellationToken);
        if (refusal is null)
        {
            sight.HeldSince = null;
            queue.Change(job.JobId, record => record with { Begun = true, Peers = [.. coordinators.Peers()] });
            return true;
        }

        if (refusal.Kind == JobFailureKind.Storage && resume)
        {
            // The owner before, a silo that died or hangs, may not have let go of the directory yet.
            sight.HeldSince ??= time.GetUtcNow();
            if (time.GetUtcNow() - sight.HeldSince < options.TakeOverPatience) { return false; }
        }

        await FailAsync(job, refusal);
        return true;
    }

    /// <summary>What the job itself did ends it; what the grid did to it does not.</summary>
    private async Task FailAsync(JobRecord job, JobFailure failure)
    {
        if (job.State != JobState.Running) { Halt(job, failure); }
        else if (failure.Kind is not (JobFailureKind.Internal or JobFailureKind.Replaced)) { End(job.JobId, JobState.Failed, failure); }
        else if (job.Restarts >= options.MostRestarts) { End(job.JobId, JobState.Failed, failure with { Message = FormattableString.Invariant($"{failure.Message} It was started {job.Restarts} times again without a step in between.") }); }
        else
        {
            queue.Change(job.JobId, record => record with { Restarts = record.Restarts + 1, Failure = failure });
            Telemetry.QueueMetrics.CountRestart();
            await coordinators.RetireAsync(job.JobId);
        }
    }

    private void Halt(JobRecord job, JobFailure? failure)
    {
        if (job.State == JobState.Pausing) { queue.Change(job.JobId, record => record with { State = JobState.Paused, Failure = failure }); }
        else { End(job.JobId, JobState.Cancelled, failure); }
    }

    private void End(string jobId, JobState state, JobFailure? failure) => Forgotten.AddRange(queue.End(jobId, state, failure, time.GetUtcNow()));

    /// <summary>Jobs that are not in the queue any more; their texts can go.</summary>
    public List<string> Forgotten { get; } = [];

    /// <returns>Whether there is something to store; a step alone is not, since a look tells it again.</returns>
    private bool Note(JobRecord job, Sight sight, JobProgress progress)
    {
        bool changed = progress.Status != JobStatus.Unknown && progress.Epoch != job.Epoch;
        if (changed) { queue.Change(job.JobId, record => record with { Epoch = progress.Epoch, Peers = [.. coordinators.Peers()] }); }
        if (progress.Epoch != sight.Epoch || progress.Status == JobStatus.Unknown) { (sight.Epoch, sight.Sequence) = (progress.Epoch, 0); }
        foreach (var happened in progress.Events.IsDefault ? [] : progress.Events)
        {
            if (happened.Sequence <= sight.Sequence) { continue; }
            sight.Sequence = happened.Sequence;
            if (happened.Kind is not (JobEventKind.Step or JobEventKind.SupervisedStep) || JobHistoryReader.PositionOf(happened.Json) is not { } position) { continue; }
            queue.Change(job.JobId, record => position.IsAfter(record.Position)
                ? record with { Position = position, StepsTotal = TotalOf(happened.Json), Restarts = 0, Failure = null }
                : record);
        }

        return changed;
    }

    private static int? TotalOf(string json)
    {
        using var document = System.Text.Json.JsonDocument.Parse(json);
        return document.RootElement.TryGetProperty("steps_total", out var total) && total.ValueKind == System.Text.Json.JsonValueKind.Number && total.TryGetInt32(out int steps) ? steps : null;
    }

    /// <summary>What was seen of a job.</summary>
    private sealed class Sight
    {
        public long Epoch { get; set; }

        public long Sequence { get; set; }

        /// <summary>Since when its run directory is held by somebody else.</summary>
        public DateTimeOffset? HeldSince { get; set; }
    }
}
