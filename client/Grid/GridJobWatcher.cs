using System.Diagnostics;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>
/// Follows a job of a grid's queue to its end, through the deaths of silos. Events come by a stream where there is one; by calls
/// where it is silent or a number is missing; steps that nobody tells any more come from the run's metrics file.
/// </summary>
internal sealed class GridJobWatcher(IGridConnection connection, string jobId, PatientCalls calls, IRunOutput output, Deadlines deadlines)
{
    private readonly IGridGrain grid = connection.Grain<IGridGrain>(IGridGrain.Key);
    private readonly ICoordinatorGrain coordinator = connection.Coordinator(jobId);
    private readonly SeenEvents seen = new(output);
    private JobState? told;
    private bool watched;

    /// <returns>The job's record when it has ended, or is paused.</returns>
    /// <exception cref="GridUnreachableException">The grid does not answer.</exception>
    /// <exception cref="CommandFailure">The grid does not know the job.</exception>
    public async Task<JobRecord> WatchAsync(CancellationToken cancellationToken)
    {
        await using var live = await LiveEvents.OpenAsync(connection, jobId, deadlines.Call, cancellationToken);
        var job = await TellAsync(cancellationToken);
        // What was before us, and is not kept by anybody else any more.
        if (job.StartedAt is not null) { await BackfillAsync(cancellationToken); }
        while (true)
        {
            if (job.HasEnded || job.State == JobState.Paused)
            {
                await FinishAsync(cancellationToken);
                return job;
            }

            if (job.IsActive) { await FollowAsync(live, cancellationToken); }
            else { await Task.Delay(deadlines.Look, cancellationToken); }
            job = await TellAsync(cancellationToken);
        }
    }

    /// <summary>Shows what happens until nothing has for a while.</summary>
    private async Task FollowAsync(LiveEvents live, CancellationToken cancellationToken)
    {
        while (true)
        {
            long asked = Stopwatch.GetTimestamp();
            while (await live.NextAsync(watched ? deadlines.Look : TimeSpan.Zero, cancellationToken) is { } item)
            {
                if (item.Epoch != seen.Epoch || item.Event.Sequence > seen.Sequence + 1) { break; }
                seen.Show(item.Event);
                // Streams tell what happened, not what is being done.
                if (output.ShowsActivity && Stopwatch.GetElapsedTime(asked) > deadlines.Look) { break; }
            }

            if (!await AskAsync(cancellationToken)) { return; }
        }
    }

    /// <returns>Whether something new was shown.</returns>
    private async Task<bool> AskAsync(CancellationToken cancellationToken)
    {
        int attempts = 0;
        var progress = await calls.CallAsync(
            token =>
            {
                // Where incarnations have no numbers, one that comes after a silence may be another: it is asked for everything.
                if (++attempts == 2 && seen.Epoch == 0) { seen.BeginAgain(); }
                return coordinator.Watch(seen.Sequence, token);
            },
            cancellationToken);
        if (progress.Status == JobStatus.Unknown)
        {
            // The queue says that it runs: its coordinator is on its way to another silo.
            if (watched) { seen.BeginAgain(); }
            await Task.Delay(deadlines.RetryDelay, cancellationToken);
            return false;
        }

        watched = true;
        output.Doing(progress.Activity);
        if (seen.Begin(progress.Epoch))
        {
            // The one before may have done steps that it could tell nobody.
            await BackfillAsync(cancellationToken);
            return true;
        }

        int fresh = progress.Events.IsDefault ? 0 : progress.Events.Count(seen.Show);
        return fresh > 0;
    }

    private async Task BackfillAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var after = seen.Latest;
            var page = await calls.CallAsync(token => grid.History(jobId, after, token), cancellationToken);
            foreach (string line in page.Lines) { seen.ShowLine(line); }
            if (!page.More || Equals(seen.Latest, after)) { return; }
        }
    }

    private async Task FinishAsync(CancellationToken cancellationToken)
    {
        // Its last words, if it was listened to; then what they left out.
        while (watched && !seen.SummaryShown && await AskAsync(cancellationToken)) { }
        await BackfillAsync(cancellationToken);
        if (!seen.SummaryShown && await calls.CallAsync(token => grid.Summary(jobId, token), cancellationToken) is { } summary) { seen.ShowSummary(summary); }
    }

    /// <summary>Asks for the job's record and says what has changed.</summary>
    private async Task<JobRecord> TellAsync(CancellationToken cancellationToken)
    {
        var job = await calls.CallAsync(token => grid.Get(jobId, token), cancellationToken)
            ?? throw GridAccess.Unknown(jobId);
        if (told != job.State && Line(job) is { } line && (told is not null || job.State is not JobState.Running)) { output.Note(line); }
        told = job.State;
        return job;
    }

    private static string? Line(JobRecord job) => job.State switch
    {
        JobState.Queued => "queued",
        JobState.Running => "running",
        JobState.Pausing => "pausing: writing a checkpoint at the next step",
        JobState.Cancelling => "cancelling: writing a checkpoint at the next step",
        _ => null,
    };
}
