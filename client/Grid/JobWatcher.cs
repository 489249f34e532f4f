using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>How a watched job ended.</summary>
/// <param name="Status"><see cref="JobStatus.Stopped"/>, <see cref="JobStatus.Succeeded"/> or <see cref="JobStatus.Failed"/>.</param>
/// <param name="Failure">Why, if it failed.</param>
internal sealed record JobEnd(JobStatus Status, JobFailure? Failure);

/// <summary>
/// Follows a job that was given to its coordinator directly, by asking again and again: an answer that got lost is asked for once
/// more, by sequence number. Jobs of a grid's queue are followed by <see cref="GridJobWatcher"/>.
/// </summary>
internal sealed class JobWatcher(ICoordinatorGrain coordinator, PatientCalls calls, IRunOutput output)
{
    private readonly SeenEvents seen = new(output);

    /// <exception cref="GridUnreachableException">The grid does not answer.</exception>
    public async Task<JobEnd> WatchAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var progress = await calls.CallAsync(token => coordinator.Watch(seen.Sequence, token), cancellationToken);
            if (progress.Status != JobStatus.Unknown && seen.Begin(progress.Epoch)) { continue; }
            output.Doing(progress.Activity);
            int fresh = progress.Events.IsDefault ? 0 : progress.Events.Count(seen.Show);
            // Answers are limited in size: the job has ended for the user only when nothing more is to be shown.
            if (fresh > 0) { continue; }
            if (progress.Status is JobStatus.Stopped or JobStatus.Succeeded or JobStatus.Failed) { return new JobEnd(progress.Status, progress.Failure); }
            if (progress.Status == JobStatus.Unknown)
            {
                return new JobEnd(JobStatus.Failed, new JobFailure(JobFailureKind.Internal, "the grid no longer knows the job; its coordinator restarted without its state. See the silo's log."));
            }
        }
    }
}
