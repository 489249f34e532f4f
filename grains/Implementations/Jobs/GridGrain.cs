using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Jobs.Access;
using Ctwa.Grains.Jobs.Logs;
using Ctwa.Grains.Telemetry;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;
using Orleans.Runtime;
using Orleans.Storage;

namespace Ctwa.Grains.Jobs;

/// <summary>Answers clients, stores the queue, and drives it by a timer. Calls interleave; the queue changes as a whole, between two awaits.</summary>
[Reentrant, KeepAlive]
internal sealed class GridGrain(
    [PersistentState("grid", GridSiloBuilder.ProviderName)] IPersistentState<GridState> state,
    JobAdmission admission, JobConfinement confinement, IJobCoordinators coordinators, JobQueueOptions options, SiloRoll roll, TimeProvider time, ILogger<GridGrain> logger) : Grain, IGridGrain, IDisposable
{
    // An ended job's coordinator is asked for its last events until then; metrics.jsonl has the steps afterwards.
    private static readonly TimeSpan s_lastWords = TimeSpan.FromMinutes(10);

    private readonly SemaphoreSlim _writing = new(1, 1);
    private readonly HashSet<string> _looking = new(StringComparer.Ordinal);
    private readonly HashSet<string> _retired = new(StringComparer.Ordinal);
    private JobQueue _queue = null!;
    private JobDriver _driver = null!;
    private QueueMetrics? _metrics;
    private bool _unsaved;

    /// <inheritdoc/>
    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _queue = new JobQueue(state.State ?? new GridState(), options);
        _driver = new JobDriver(_queue, coordinators, options, jobId => SpecOf(jobId).Load(CancellationToken.None), time);
        _metrics = QueueMetrics.Attach(() => _queue, ServiceProvider.GetRequiredService<ISiloStatusOracle>(), time);
        this.RegisterGrainTimer(TickAsync, new GrainTimerCreationOptions(TimeSpan.Zero, options.Period) { Interleave = true, KeepAlive = true });
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task<JobAcceptance> Submit(JobRequest request, CancellationToken cancellationToken)
    {
        string owner = GridCaller.Current?.Name ?? GridCaller.LocalName;
        JobRecord? job = null;
        try
        {
            if (Known(request, owner) is { } before) { return new JobAcceptance(before, null); }
            // Paths are looked at: not on the grain's turn.
            var admitted = await Task.Run(() => admission.Admit(request), cancellationToken);
            var now = time.GetUtcNow();
            string id = _queue.NewId(admitted.Spec.Name, now);
            await SpecOf(id).Store(request.SpecJson, cancellationToken);
            // Another submission may have taken the name meanwhile; its text must not be this one.
            if (Known(request, owner) is { } meanwhile) { return new JobAcceptance(meanwhile, null); }
            if (_queue.Find(id) is not null) { throw new JobRefusedException($"job {id} was submitted at the same moment; submit again."); }
            job = _queue.Add(number => new JobRecord
            {
                JobId = id,
                Number = number,
                RunDirectory = admitted.RunDirectory(id),
                SpecSha256 = admitted.SpecSha256,
                Priority = request.Priority,
                SubmittedBy = owner,
                SubmittedAt = now,
                RequestId = request.RequestId,
            });
            await SaveAsync();
            return new JobAcceptance(job, null);
        }
        catch (JobRefusedException refused)
        {
            return new JobAcceptance(null, new JobFailure(JobFailureKind.BadInput, refused.Message));
        }
        catch when (job is not null)
        {
            // What is not stored was not accepted.
            _queue.Remove(job.JobId);
            throw;
        }
    }

    /// <inheritdoc/>
    public Task<JobPage> List(long afterNumber, CancellationToken cancellationToken)
    {
        var page = JobPages.After(_queue.State.Jobs, afterNumber);
        return Task.FromResult(new JobPage(page.Jobs, page.More, _queue.Quota));
    }

    /// <inheritdoc/>
    public Task<JobRecord?> Get(string jobId, CancellationToken cancellationToken) => Task.FromResult(_queue.Find(jobId));

    /// <inheritdoc/>
    public async Task<JobHistory> History(string jobId, JobPosition? after, CancellationToken cancellationToken) =>
        await ReadAsync(jobId, "metrics.jsonl", path => JobHistoryReader.Read(path, after, cancellationToken), cancellationToken) ?? new JobHistory([], false);

    /// <inheritdoc/>
    public Task<string?> Summary(string jobId, CancellationToken cancellationToken) => ReadAsync(jobId, "summary.json", JobHistoryReader.ReadSummary, cancellationToken);

    /// <inheritdoc/>
    public async Task<JobLogPage> Log(string jobId, long from, CancellationToken cancellationToken) =>
        await ReadAsync(jobId, JobLogReader.FileName, path => JobLogReader.Read(path, from), cancellationToken) ?? new JobLogPage([], Math.Max(0, from), false);

    /// <inheritdoc/>
    public async Task<SiloPage> Silos(string? after, CancellationToken cancellationToken) => SiloRoll.After(await roll.AllAsync(GrainFactory, cancellationToken), after);

    /// <inheritdoc/>
    public async Task<JobFailure?> Pause(string jobId, CancellationToken cancellationToken)
    {
        var refused = await ActAsync(jobId, () => _queue.Pause(jobId));
        if (refused is null) { StopSoon(jobId); }
        return refused;
    }

    /// <inheritdoc/>
    public Task<JobFailure?> Resume(string jobId, CancellationToken cancellationToken) => ActAsync(jobId, () =>
    {
        _queue.Resume(jobId);
        _retired.Remove(jobId);
    });

    /// <inheritdoc/>
    public async Task<JobFailure?> Cancel(string jobId, CancellationToken cancellationToken)
    {
        var refused = await ActAsync(jobId, () =>
        {
            if (_queue.Cancel(jobId)) { _driver.Forgotten.AddRange(_queue.End(jobId, JobState.Cancelled, null, time.GetUtcNow())); }
        });
        if (refused is null) { StopSoon(jobId); }
        return refused;
    }

    /// <inheritdoc/>
    public Task<JobFailure?> SetPriority(string jobId, int priority, CancellationToken cancellationToken) => ActAsync(jobId, () => _queue.SetPriority(jobId, priority));

    /// <inheritdoc/>
    public Task<JobFailure?> SetQuota(int concurrentJobs, CancellationToken cancellationToken) => ActAsync(null, () => _queue.SetQuota(concurrentJobs));

    /// <inheritdoc/>
    public Task Tend(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        // The queue goes on elsewhere.
        _metrics?.Dispose();
        return Task.CompletedTask;
    }

    /// <summary>Called by Orleans after the deactivation.</summary>
    public void Dispose()
    {
        _metrics?.Dispose();
        _writing.Dispose();
    }

    /// <summary>The job of a request whose answer got lost.</summary>
    private JobRecord? Known(JobRequest request, string owner) => _queue.State.Jobs.FirstOrDefault(job => job.RequestId == request.RequestId && job.SubmittedBy == owner);

    private async Task<JobFailure?> ActAsync(string? jobId, Action act)
    {
        try
        {
            if (jobId is not null && GridCaller.Current is { } caller && !caller.MayActOn(_queue.Require(jobId))) { throw new GridAccessException($"'{caller.Name}' may only act on their own jobs, and {jobId} is not one; an admin's token may."); }
            act();
        }
        catch (JobRefusedException refused)
        {
            return new JobFailure(JobFailureKind.BadInput, refused.Message);
        }

        await SaveAsync();
        return null;
    }

    /// <summary>Reads a file of a run off the turn; what may be a link to elsewhere by now is not read.</summary>
    private async Task<T?> ReadAsync<T>(string jobId, string file, Func<string, T?> read, CancellationToken cancellationToken) where T : class
    {
        if (_queue.Find(jobId) is not { } job) { return null; }
        string path = Path.Combine(job.RunDirectory, file);
        return await Task.Run(() => confinement.Allows(path) ? read(path) : null, cancellationToken);
    }

    /// <summary>Spares the job the wait for the next look; that one sees whether the call arrived.</summary>
    private void StopSoon(string jobId)
    {
        if (_queue.Find(jobId) is { IsActive: true }) { coordinators.Of(jobId).Stop(CancellationToken.None).Ignore(); }
    }

    private async Task TickAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_unsaved) { await SaveAsync(); }
            var next = _queue.Next();
            foreach (var job in next) { _queue.Start(job.JobId, time.GetUtcNow(), coordinators.Peers()); }
            // That they run must be known before they do: whoever comes after this grain finds them.
            if (next.Count > 0) { await SaveAsync(); }
            foreach (string jobId in _queue.Active.Select(job => job.JobId).Where(_looking.Add).ToArray()) { LookAsync(jobId, cancellationToken).Ignore(); }
            await TidyAsync();
        }
        catch (Exception failure) when (failure is not InconsistentStateException)
        {
            logger.LogWarning(failure, "the grid's queue could not be brought forward; it is tried again");
        }
    }

    private async Task LookAsync(string jobId, CancellationToken cancellationToken)
    {
        try
        {
            if (await _driver.LookAsync(jobId, cancellationToken)) { await SaveAsync(); }
        }
        catch (Exception failure) when (failure is TimeoutException or OrleansException or OperationCanceledException)
        {
            // A silo is going or gone; the next look finds the coordinator elsewhere.
            logger.LogInformation(failure, "the coordinator of job {JobId} does not answer", jobId);
        }
        catch (Exception failure)
        {
            logger.LogError(failure, "job {JobId} could not be looked after; it is tried again", jobId);
        }
        finally
        {
            if (_queue.Find(jobId) is not { IsActive: true }) { _driver.Forget(jobId); }
            _looking.Remove(jobId);
        }
    }

    /// <summary>Frees what ended jobs hold: coordinators, and the texts of forgotten ones.</summary>
    private async Task TidyAsync()
    {
        var before = time.GetUtcNow() - s_lastWords;
        foreach (var job in _queue.State.Jobs.Where(job => job.HasEnded && job.StartedAt is not null && job.EndedAt < before && job.EndedAt > before - s_lastWords && _retired.Add(job.JobId)))
        {
            await coordinators.RetireAsync(job.JobId);
        }

        while (_driver.Forgotten is [var forgotten, ..])
        {
            await SpecOf(forgotten).Forget(CancellationToken.None);
            _driver.Forgotten.Remove(forgotten);
            _retired.Remove(forgotten);
        }
    }

    private async Task SaveAsync()
    {
        _unsaved = true;
        await _writing.WaitAsync();
        try
        {
            await WriteAsync();
        }
        catch (InconsistentStateException)
        {
            // Nothing is stored any more: the store has lost its data, and this queue is all that is left of it.
            await state.ReadStateAsync();
            if (!state.RecordExists)
            {
                logger.LogWarning("the grid's queue was no longer stored; it is stored again");
                await WriteAsync();
                return;
            }

            // Another activation has gone on with the queue: this one is of the past and must not act any more.
            DeactivateOnIdle();
            throw;
        }
        finally
        {
            _writing.Release();
        }
    }

    private async Task WriteAsync()
    {
        state.State = _queue.State;
        var written = state.State;
        await state.WriteStateAsync();
        _unsaved = !ReferenceEquals(written, _queue.State);
    }

    private IJobSpecGrain SpecOf(string jobId) => GrainFactory.GetGrain<IJobSpecGrain>(jobId);
}
