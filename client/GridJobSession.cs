using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client;

/// <summary>Looks on while a job of a grid runs, and ends as <c>ctwa train</c> would. A signal ends the looking on, not the job.</summary>
internal sealed class GridJobSession(GridAccess grid, StopSignals signals)
{
    /// <param name="open">Opens the view for a run directory.</param>
    /// <returns>The exit code of success, of a job that was halted, or of a signal.</returns>
    /// <exception cref="CommandFailure">The job failed, or the grid is gone.</exception>
    public async Task<int> WatchAsync(string jobId, Func<string, IRunOutput> open)
    {
        IRunOutput? output = null;
        try
        {
            var job = await grid.UseAsync(
                async connection =>
                {
                    var queue = connection.Grain<IGridGrain>(IGridGrain.Key);
                    var known = await grid.Calls.CallAsync(token => queue.Get(jobId, token), signals.Stop) ?? throw Unknown(jobId);
                    output = open(known.RunDirectory);
                    return await new GridJobWatcher(connection, jobId, grid.Calls, output, grid.Deadlines).WatchAsync(signals.Stop);
                },
                signals.Stop);
            return Conclude(job, output!);
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            output?.Note($"no longer watching; the job goes on. Watch it with: ctwa watch {jobId}\nctwa pause {jobId} lets it stop after a checkpoint, ctwa cancel {jobId} ends it.");
            return signals.ExitCode;
        }
        finally
        {
            if (output is not null) { await output.DisposeAsync(); }
        }
    }

    private static int Conclude(JobRecord job, IRunOutput output)
    {
        switch (job.State)
        {
            case JobState.Succeeded:
                return ExitCodes.Success;
            case JobState.Paused or JobState.Cancelled:
                output.Note($"{job.State.ToString().ToLowerInvariant()}; continue it with: ctwa resume {job.JobId}");
                return ExitCodes.JobHalted;
            default:
                var failure = job.Failure ?? new JobFailure(JobFailureKind.Internal, "the job failed without saying why.");
                string resume = failure.Kind == JobFailureKind.BadInput ? "" : $"\nresume with: ctwa resume {job.JobId}";
                throw new CommandFailure(ExitCodes.Of(failure.Kind), $"{failure.Message}\nrun directory: {job.RunDirectory}{resume}");
        }
    }

    private static CommandFailure Unknown(string jobId) => new(ExitCodes.BadInput, $"there is no job '{jobId}' on this grid; ctwa jobs lists them.");
}
