using System.Collections.Concurrent;
using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>Coordinators that train nothing: tests say what becomes of each job. One set serves all silos of a test.</summary>
internal sealed class FakeCoordinators : IJobCoordinators
{
    private readonly ConcurrentDictionary<string, FakeCoordinator> _all = new(StringComparer.Ordinal);

    /// <summary>Order of accepted submissions.</summary>
    public ConcurrentQueue<string> Started { get; } = [];

    /// <summary>What every coordinator answers to a submission; null: it accepts.</summary>
    public Func<JobSubmission, JobFailure?> Refusal { get; set; } = _ => null;

    public FakeCoordinator this[string jobId] => _all.GetOrAdd(jobId, id => new FakeCoordinator(this, id));

    public ICoordinatorGrain Of(string jobId) => new Address(this[jobId]);

    public Task RetireAsync(string jobId)
    {
        this[jobId].Lose();
        return Task.CompletedTask;
    }

    public IReadOnlyList<string> Peers() => ["S127.0.0.1:1:1"];

    // Private: Orleans must not find a second kind of coordinators in this assembly.
    private sealed class Address(FakeCoordinator coordinator) : ICoordinatorGrain
    {
        public Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken) => Task.FromResult(coordinator.Submit(submission));

        public Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken) => Task.FromResult(coordinator.Watch(afterSequence));

        public Task Stop(CancellationToken cancellationToken)
        {
            coordinator.Stop();
            return Task.CompletedTask;
        }
    }
}

/// <summary>One of them.</summary>
internal sealed class FakeCoordinator(FakeCoordinators all, string jobId)
{
    private readonly Lock _gate = new();
    private readonly List<JobEvent> _events = [];
    private JobFailure? _failure;

    public JobStatus Status { get; private set; }

    public long Epoch { get; private set; }

    public List<JobSubmission> Submissions { get; } = [];

    public int Stops { get; private set; }

    /// <summary>Thrown by the next calls instead of an answer.</summary>
    public Exception? Broken { get; set; }

    /// <summary>Its silo dies: the next activation knows nothing.</summary>
    public void Lose()
    {
        lock (_gate)
        {
            (Status, _failure) = (JobStatus.Unknown, null);
            _events.Clear();
        }
    }

    public void End(JobStatus status, JobFailure? failure = null)
    {
        lock (_gate) { (Status, _failure) = (status, failure); }
    }

    public void Step(int step)
    {
        lock (_gate) { _events.Add(new JobEvent(_events.Count + 1, JobEventKind.Step, $$"""{"stage":"rl","step":{{step}},"steps_total":9}""")); }
    }

    public JobFailure? Submit(JobSubmission submission)
    {
        lock (_gate)
        {
            if (Broken is not null) { throw Broken; }
            Submissions.Add(submission);
            if (all.Refusal(submission) is { } refused) { return refused; }
            if (Status is JobStatus.Unknown)
            {
                (Status, Epoch) = (JobStatus.Running, Epoch + 1);
                all.Started.Enqueue(jobId);
            }

            return null;
        }
    }

    public JobProgress Watch(long after)
    {
        lock (_gate)
        {
            if (Broken is not null) { throw Broken; }
            ImmutableArray<JobEvent> events = [.. _events.Skip((int)Math.Min(after, int.MaxValue))];
            return new JobProgress(Status, events, _failure) { Epoch = Status == JobStatus.Unknown ? 0 : Epoch };
        }
    }

    public void Stop()
    {
        lock (_gate)
        {
            Stops++;
            if (Status == JobStatus.Running) { Status = JobStatus.Stopped; }
        }
    }
}
