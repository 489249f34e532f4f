using System.Collections.Immutable;
using Ctwa.Client.Grid;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Tests;

/// <summary>A grid without Orleans: answers from a script, and notes what it is asked.</summary>
internal sealed class FakeGrid : IGridConnector, IGridConnection
{
    private readonly FakeCoordinator coordinator;

    public FakeGrid() => coordinator = new FakeCoordinator(this);

    /// <summary>Answer to a submission.</summary>
    public JobFailure? Refusal { get; init; }

    /// <summary>What connecting takes.</summary>
    public Func<CancellationToken, Task> Connecting { get; init; } = _ => Task.CompletedTask;

    /// <summary>Answers to Watch, given the number of the call (from 1) and the sequence asked for.</summary>
    public required Func<int, long, JobProgress> Watch { get; init; }

    public List<JobSubmission> Submissions { get; } = [];

    public int Stops { get; private set; }

    public string? JobId { get; private set; }

    public int Watches { get; private set; }

    public static JobProgress Progress(JobStatus status, params JobEvent[] events) => new(status, [.. events], null);

    public static JobProgress Failed(JobFailureKind kind, string message) => new(JobStatus.Failed, ImmutableArray<JobEvent>.Empty, new JobFailure(kind, message));

    public async Task<IGridConnection> ConnectAsync(GridAddress address, CancellationToken cancellationToken)
    {
        await Connecting(cancellationToken);
        return this;
    }

    public T Grain<T>(string key) where T : IGrainWithStringKey
    {
        JobId = key;
        return (T)(object)coordinator;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class FakeCoordinator(FakeGrid grid) : ICoordinatorGrain
    {
        public Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken)
        {
            grid.Submissions.Add(submission);
            return Task.FromResult(grid.Refusal);
        }

        public async Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken)
        {
            await Task.Delay(10, cancellationToken);
            return grid.Watch(++grid.Watches, afterSequence);
        }

        public Task Stop(CancellationToken cancellationToken)
        {
            grid.Stops++;
            return Task.CompletedTask;
        }
    }
}
