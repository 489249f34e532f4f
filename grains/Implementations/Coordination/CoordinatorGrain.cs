using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Jobs;
using Ctwa.Grains.Jobs.Logs;
using Ctwa.Grains.Jobs.Streams;
using Ctwa.Grains.Telemetry;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// One job: drives <see cref="TrainingLoop"/> over its shards and slices on its own turns, and answers its watchers in
/// between. It is the only writer of the run directory.
/// </summary>
[Orleans.Concurrency.Reentrant, KeepAlive]
public sealed class CoordinatorGrain(JobHosts hosts, SiloComputeOptions options, ISiloStatusOracle membership, IServiceProvider services, ILogger<CoordinatorGrain> logger) : Grain, ICoordinatorGrain, IDisposable
{
    private readonly JobEvents _events = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abort = new();
    private JobStatus _status;
    private JobFailure? _failure;
    private Task? _run;
    private JobEventFeed? _feed;
    private readonly SiloSelf _self = services.GetRequiredService<SiloSelf>();
    private JobLog? _log;
    private GrainBackend? _backend;
    private bool _opening;
    private bool _drained;

    private string JobId => this.GetPrimaryKeyString();

    private bool HasEnded => _status is JobStatus.Stopped or JobStatus.Succeeded or JobStatus.Failed;

    /// <inheritdoc/>
    public async Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken)
    {
        if (_run is not null || _opening) { return null; }
        if (_self.Draining && await PlaceOf(Members(Log)).ElsewhereAsync(cancellationToken) is { } other)
        {
            MoveTo(other);
            return new JobFailure(JobFailureKind.Replaced, $"silo {hosts.Silo} is leaving, and the job goes on at {other}.");
        }

        JobSpec spec;
        RunDirectory run;
        _opening = true;
        try
        {
            spec = JobSpecJson.Deserialize(submission.SpecJson);
            // The administrator's list comes before everything else that a job can make this silo do.
            if (options.Rewards.Refusals(spec) is { Count: > 0 } refused) { return new JobFailure(JobFailureKind.BadInput, string.Join('\n', refused)); }
            if (services.GetService<JobConfinement>()?.Check(spec, submission.RunDirectory) is { Count: > 0 } outside) { return new JobFailure(JobFailureKind.BadInput, string.Join('\n', outside)); }
            // Where silos share a grid, a coordinator may replace another whose process still holds files; else the process owns the run.
            run = services.GetService<IEpochSource>() is { } epochs
                ? await RunDirectory.ClaimAsync(submission.RunDirectory, submission.Resume, atLeast => epochs.NextAsync(JobId, atLeast, cancellationToken), $"silo {hosts.Silo}")
                : RunDirectory.Open(submission.RunDirectory, submission.Resume);
        }
        catch (Exception failure) when (failure is RunDirectoryException or RunFencedException or InvalidDataException or System.Text.Json.JsonException)
        {
            return Describe(failure);
        }
        finally
        {
            _opening = false;
        }

        _feed = services.GetService<JobEventFeeds>()?.Open(JobId);
        _log = new JobLog(run.Path, run.Epoch, TimeProvider.System);
        _events.Start(run.Epoch, _feed, _log);
        _log.Add(JobLogLevel.Info, $"{(submission.Resume ? "resumed" : "started")} by silo {hosts.Silo}");
        _status = JobStatus.Running;
        hosts.Coordinate(begins: true);
        _run = RunAsync(spec, run);
        return null;
    }

    /// <inheritdoc/>
    public async Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken)
    {
        if (_run is null) { return new JobProgress(JobStatus.Unknown, [], null); }
        var events = await _events.AfterAsync(afterSequence, () => HasEnded, cancellationToken);
        return new JobProgress(_status, events, _failure) { Epoch = _events.Epoch, Activity = HasEnded ? null : _backend?.Activity };
    }

    /// <inheritdoc/>
    public Task Stop(CancellationToken cancellationToken)
    {
        if (_status == JobStatus.Running)
        {
            _status = JobStatus.Stopping;
            _stop.Cancel();
        }

        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken) => _abort.CancelAsync();

    /// <summary>Called by Orleans after the deactivation.</summary>
    public void Dispose()
    {
        _stop.Dispose();
        _abort.Dispose();
    }

    private async Task RunAsync(JobSpec spec, RunDirectory run)
    {
        // Leave Submit's turn first: opening data may take longer than a call may.
        await Task.Yield();
        WorkTrace.Leave();
        using var telemetry = JobTelemetry.Begin(JobId, spec);
        var end = JobStatus.Failed;
        bool handedOver = false;
        GrainBackend? backend = null;
        try
        {
            run.WriteJob(JobSpecYaml.Write(spec)); // A resume may have a longer schedule.
            // Data, memory and models are made off the turn, which must stay free for watchers (invariants I8, I9).
            var job = await hosts.PrepareAsync(JobId, run.Epoch, spec, run.Path);
            var log = Log;
            var members = Members(log);
            _backend = backend = new GrainBackend(JobId, run.Epoch, job, JobSpecJson.Serialize(spec), run.Path, members, GrainFactory, log, PlaceOf(members), telemetry, Drain);
            var outcome = await new TrainingLoop(job, backend, run, new LoggedEvents(_events, JobId, logger), telemetry).RunAsync(_stop.Token, _abort.Token);
            handedOver = outcome == RunOutcome.HandedOver;
            end = outcome switch { RunOutcome.Finished => JobStatus.Succeeded, RunOutcome.Stopped => JobStatus.Stopped, _ => JobStatus.Running };
            if (end == JobStatus.Stopped && _drained)
            {
                end = JobStatus.Failed;
                _failure = new JobFailure(JobFailureKind.Replaced, "every silo that computed for the job was asked to leave; the run has its checkpoint and goes on when another silo is there.");
            }
        }
        catch (Exception failure)
        {
            // A job's failure must reach its watchers, whatever it is; unexpected ones are logged with their stack.
            _failure = Describe(failure);
            if (failure is RunFencedException or StaleCoordinatorException) { logger.LogWarning("job {JobId}: {Reason} ({Count} writes of replaced coordinators were refused on this silo so far)", JobId, failure.Message, RunDirectory.RefusedWrites); }
            if (_failure.Kind == JobFailureKind.Internal) { logger.LogError(failure, "job {JobId} failed", JobId); }
        }
        finally
        {
            // Only a job that holds neither memory nor lock any more has ended for its watchers. One that another coordinator goes on
            // with keeps its memory on the other silos.
            if (backend is not null && !handedOver && !_abort.IsCancellationRequested) { await backend.CloseAsync(); }
            await Task.Run(() => hosts.Close(JobId, run.Epoch));
            await Task.Run(run.Dispose);
            if (_feed is not null) { await _feed.DisposeAsync(); }
            if (_failure is { } reason) { _log!.Add(reason.Kind == JobFailureKind.Replaced ? JobLogLevel.Warning : JobLogLevel.Error, reason.Message); }
            else { _log!.Add(JobLogLevel.Info, end switch { JobStatus.Succeeded => "succeeded", JobStatus.Stopped => "stopped after a checkpoint", _ => "moves to another silo" }); }
            await _log.DisposeAsync();
            _backend = null;
            _status = end;
            _events.Signal();
        }

        try
        {
            if (handedOver) { await LeaveAsync(); }
        }
        finally
        {
            // From now on the silo may leave.
            hosts.Coordinate(begins: false);
        }
    }

    /// <summary>The next activation, on a silo that stays, knows nothing of the job and is given it.</summary>
    private async Task LeaveAsync()
    {
        logger.LogWarning("job {JobId}: handed over at a step's end, since this silo leaves", JobId);
        if (await PlaceOf(Members(Log)).ElsewhereAsync(CancellationToken.None) is { } other) { MoveTo(other); }
        else { DeactivateOnIdle(); }
    }

    private void MoveTo(string silo)
    {
        RequestContext.Set(Orleans.Runtime.Placement.IPlacementDirector.PlacementHintKey, SiloAddress.FromParsableString(silo));
        MigrateOnIdle();
        RequestContext.Remove(Orleans.Runtime.Placement.IPlacementDirector.PlacementHintKey);
    }

    private GridLog Log => new(JobId, logger, (level, text) => _log?.Add(level, text));

    private GridMembers Members(GridLog log) => new(membership, GrainFactory, services.GetService<ClusterSecret>(), log.Impostor);

    private CoordinatorPlace PlaceOf(GridMembers members) => new(hosts.Silo, _self, members);

    private void Drain()
    {
        _drained = true;
        _stop.Cancel();
    }

    private static JobFailure Describe(Exception failure) => failure switch
    {
        JobInputException or System.Text.Json.JsonException or InvalidDataException => new JobFailure(JobFailureKind.BadInput, failure.Message),
        RewardFailureException => new JobFailure(JobFailureKind.Reward, failure.Message),
        RunFencedException or StaleCoordinatorException => new JobFailure(JobFailureKind.Replaced, failure.Message),
        IOException or UnauthorizedAccessException => new JobFailure(JobFailureKind.Storage, failure.Message),
        OutOfDeviceMemoryException => new JobFailure(JobFailureKind.Memory, failure.Message),
        NumericFailureException => new JobFailure(JobFailureKind.Numeric, failure.Message),
        OperationCanceledException => new JobFailure(JobFailureKind.Replaced, "the silo shut down while the job ran; resume the run."),
        _ => new JobFailure(JobFailureKind.Internal, $"{failure.GetType().Name}: {failure.Message} The silo's log has the details."),
    };
}
