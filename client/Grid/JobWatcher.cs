using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>How a watched job ended.</summary>
/// <param name="Status"><see cref="JobStatus.Stopped"/>, <see cref="JobStatus.Succeeded"/> or <see cref="JobStatus.Failed"/>.</param>
/// <param name="Failure">Why, if it failed.</param>
internal sealed record JobEnd(JobStatus Status, JobFailure? Failure);

/// <summary>Follows a job to its end by asking again and again: an answer that got lost is asked for once more, by sequence number.</summary>
internal sealed class JobWatcher(ICoordinatorGrain coordinator, PatientCalls calls, IRunOutput output)
{
    private long seen;

    /// <exception cref="GridUnreachableException">The grid does not answer.</exception>
    public async Task<JobEnd> WatchAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var progress = await calls.CallAsync(token => coordinator.Watch(seen, token), cancellationToken);
            int fresh = progress.Events.IsDefault ? 0 : progress.Events.Count(Show);
            // Answers are limited in size: the job has ended for the user only when nothing more is to be shown.
            if (fresh > 0) { continue; }
            if (progress.Status is JobStatus.Stopped or JobStatus.Succeeded or JobStatus.Failed) { return new JobEnd(progress.Status, progress.Failure); }
            if (progress.Status == JobStatus.Unknown)
            {
                return new JobEnd(JobStatus.Failed, new JobFailure(JobFailureKind.Internal, "the grid no longer knows the job; its coordinator restarted without its state. See the silo's log."));
            }
        }
    }

    private bool Show(JobEvent happened)
    {
        if (happened.Sequence <= seen) { return false; }
        if (happened.Sequence > seen + 1) { output.Warn(FormattableString.Invariant($"events {seen + 1} to {happened.Sequence - 1} of the job are not kept any more; metrics.jsonl has all steps.")); }
        seen = happened.Sequence;
        output.Show(happened);
        return true;
    }
}
