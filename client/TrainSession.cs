using System.Diagnostics;
using Ctwa.Client.Grid;
using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client;

/// <summary>One run from the silo's start to its end: submits, watches, passes a stop on, and outlives whatever dies.</summary>
internal sealed class TrainSession(RunDirectory run, SiloLauncher launcher, IGridConnector connector, IRunOutput output, StopSignals signals, Deadlines deadlines)
{
    private readonly PatientCalls calls = new(deadlines);

    /// <returns>The exit code of success or of a stop.</returns>
    /// <exception cref="CommandFailure">Everything else.</exception>
    public async Task<int> RunAsync(JobSubmission submission, int lanes)
    {
        ServingSilo silo;
        try
        {
            output.Note($"run directory {run.Display()}");
            silo = await launcher.StartAsync(run, lanes, signals.Stop);
        }
        catch (OperationCanceledException)
        {
            return NothingTrained();
        }

        await using var process = silo.Process;
        using var quit = CancellationTokenSource.CreateLinkedTokenSource(signals.Abort);
        var job = DriveAsync(silo, submission, quit.Token);
        try
        {
            await Task.WhenAny(job, process.Exited);
            // The last answer of a dying silo may still be on its way; a call that broke may be the first sign of a death.
            if (!job.IsCompletedSuccessfully && !signals.Abort.IsCancellationRequested) { await Task.WhenAny(process.Exited.IsCompleted ? job : process.Exited, Task.Delay(deadlines.LastWords)); }
            if (!job.IsCompletedSuccessfully && process.Exited.IsCompleted && !signals.Abort.IsCancellationRequested)
            {
                throw new CommandFailure(ExitCodes.SiloLost, SiloReport.Died(await process.Exited, process.Log, run, output.LastStep));
            }

            int code = Conclude(await job);
            await process.StopAsync(deadlines.Shutdown);
            return code;
        }
        catch (GridUnreachableException e)
        {
            throw new CommandFailure(ExitCodes.SiloLost, SiloReport.Unreachable(e.Waited, e.Cause, process.Log, run, output.LastStep));
        }
        catch (OperationCanceledException) when (signals.Abort.IsCancellationRequested)
        {
            output.Note("ended at once, without a checkpoint.");
            if (run.IsResumable) { output.Note($"resume with: {run.ResumeCommand}"); }
            return signals.ExitCode;
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            return NothingTrained();
        }
        finally
        {
            await quit.CancelAsync();
            await job.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).WaitAsync(deadlines.Call).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<JobEnd> DriveAsync(ServingSilo silo, JobSubmission submission, CancellationToken quit)
    {
        await using var connection = await ConnectAsync(silo, quit);
        var coordinator = connection.Coordinator(run.JobId);
        signals.Stop.ThrowIfCancellationRequested();
        var refusal = await calls.CallAsync(token => coordinator.Submit(submission, token), quit);
        if (refusal is not null) { return new JobEnd(JobStatus.Failed, refusal); }

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(quit);
        var stopper = PassStopOnAsync(coordinator, ended.Token);
        try
        {
            return await new JobWatcher(coordinator, calls, output).WatchAsync(quit);
        }
        finally
        {
            await ended.CancelAsync();
            await stopper;
        }
    }

    private async Task<IGridConnection> ConnectAsync(ServingSilo silo, CancellationToken quit)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(quit, signals.Stop);
        patience.CancelAfter(deadlines.Connect);
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                return await connector.ConnectAsync(new GridAddress.Localhost(silo.GatewayPort, silo.ClusterId), patience.Token);
            }
            catch (Exception e) when (!quit.IsCancellationRequested && !signals.Stop.IsCancellationRequested)
            {
                if (patience.IsCancellationRequested)
                {
                    var cause = e is OperationCanceledException ? new TimeoutException(FormattableString.Invariant($"no connection to its gateway, 127.0.0.1:{silo.GatewayPort}")) : e;
                    throw new GridUnreachableException(Stopwatch.GetElapsedTime(start), cause);
                }
            }

            await Task.Delay(deadlines.RetryDelay, quit);
        }
    }

    private async Task PassStopOnAsync(ICoordinatorGrain coordinator, CancellationToken ended)
    {
        try
        {
            await WhenCancelledAsync(signals.Stop, ended);
            output.Stopping("stopping: writing a checkpoint at the next step (Ctrl-C again ends at once)");
            await calls.CallAsync(coordinator.Stop, ended);
        }
        catch (Exception e) when (e is OperationCanceledException or GridUnreachableException)
        {
            // The job ended first, or the watcher reports the same silence.
        }
    }

    private static async Task WhenCancelledAsync(CancellationToken awaited, CancellationToken giveUp)
    {
        var done = new TaskCompletionSource();
        await using var first = awaited.Register(() => done.TrySetResult());
        await using var second = giveUp.Register(() => done.TrySetCanceled(giveUp));
        await done.Task;
    }

    private int Conclude(JobEnd end)
    {
        switch (end.Status)
        {
            case JobStatus.Succeeded:
                return ExitCodes.Success;
            case JobStatus.Stopped:
                output.Note($"stopped; resume with: {run.ResumeCommand}");
                return signals.ExitCode;
            default:
                var failure = end.Failure ?? new JobFailure(JobFailureKind.Internal, "the job failed without saying why.");
                string hint = failure.Kind == JobFailureKind.Internal ? $"\nThe silo's log: {run.Display(run.LogPath)}" : "";
                throw new CommandFailure(ExitCodes.Of(failure.Kind), $"{failure.Message}{hint}\n{SiloReport.WhereAndHow(run)}");
        }
    }

    private int NothingTrained()
    {
        output.Note("stopped before training started.");
        return signals.ExitCode;
    }
}
