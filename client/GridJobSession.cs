using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client;

/// <summary>Looks on while a job of a grid runs, and ends as <c>ctwa train</c> would. A signal ends the looking on, not the job.</summary>
/// <param name="grid">The grid.</param>
/// <param name="signals">Those of this process.</param>
/// <param name="askCancel">Asks, after Ctrl-C, whether the job is to be cancelled too; its token says that nobody waits for the answer any more. Null: nobody is asked.</param>
internal sealed class GridJobSession(GridAccess grid, StopSignals signals, Func<string, CancellationToken, Task<bool>>? askCancel = null)
{
    /// <param name="open">Opens the view for a run directory.</param>
    /// <returns>The exit code of success, of a job that was halted, or of a signal.</returns>
    /// <exception cref="CommandFailure">The job failed, or the grid is gone.</exception>
    public async Task<int> WatchAsync(string jobId, Func<string, IRunOutput> open)
    {
        IRunOutput? output = null;
        bool ended = false;
        try
        {
            var job = await grid.UseAsync(
                async connection =>
                {
                    var queue = connection.Grain<IGridGrain>(IGridGrain.Key);
                    var known = await grid.Calls.CallAsync(token => queue.Get(jobId, token), signals.Stop) ?? throw GridAccess.Unknown(jobId);
                    output = open(known.RunDirectory);
                    ended = known.HasEnded;
                    return await new GridJobWatcher(connection, jobId, grid.Calls, output, grid.Deadlines).WatchAsync(signals.Stop);
                },
                signals.Stop);
            return Conclude(job, output!);
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            // The picture stands still before anybody is asked below it.
            if (output is not null) { await output.CloseAsync(); }
            if (!ended && signals.ExitCode == ExitCodes.Interrupted && askCancel is not null && await askCancel(jobId, signals.Abort))
            {
                await grid.DoAsync((queue, token) => queue.Cancel(jobId, token), CancellationToken.None);
                Tell(output, $"{jobId} is cancelled: it ends after a checkpoint, and ctwa resume {jobId} would continue it");
                return ExitCodes.JobHalted;
            }

            Tell(output, $"no longer watching; the job goes on. Watch it with: ctwa watch {jobId}\nctwa pause {jobId} lets it stop after a checkpoint, ctwa cancel {jobId} ends it.");
            return signals.ExitCode;
        }
        finally
        {
            if (output is not null) { await output.DisposeAsync(); }
        }
    }

    private static void Tell(IRunOutput? output, string text) => output?.Note(text);

    private static int Conclude(JobRecord job, IRunOutput output)
    {
        switch (job.State)
        {
            case JobState.Succeeded:
                return ExitCodes.Success;
            case JobState.Paused or JobState.Cancelled:
                output.Note($"{JsonText.Word(job.State)}; continue it with: ctwa resume {job.JobId}");
                return ExitCodes.JobHalted;
            default:
                var failure = job.Failure ?? new JobFailure(JobFailureKind.Internal, "the job failed without saying why.");
                string resume = failure.Kind == JobFailureKind.BadInput ? "" : $"\nresume with: ctwa resume {job.JobId}";
                string logs = failure.Kind == JobFailureKind.Internal ? $"\nits log: ctwa logs {job.JobId} --tail 20" : "";
                throw new CommandFailure(ExitCodes.Of(failure.Kind), $"{failure.Message}\nrun directory: {job.RunDirectory}{resume}{logs}");
        }
    }
}
