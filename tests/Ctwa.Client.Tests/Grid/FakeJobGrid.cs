using System.Collections.Immutable;
using Ctwa.Client.Grid;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Tests.Grid;

/// <summary>A grid with a queue, without Orleans: answers from scripts, and notes what it is asked.</summary>
internal sealed class FakeJobGrid : IGridConnector, IGridConnection
{
    /// <summary>Short enough for tests.</summary>
    public static readonly Deadlines Short = new()
    {
        Connect = TimeSpan.FromMilliseconds(500),
        Call = TimeSpan.FromSeconds(5),
        Unreachable = TimeSpan.FromMilliseconds(300),
        RetryDelay = TimeSpan.FromMilliseconds(10),
        Look = TimeSpan.FromMilliseconds(20),
    };

    private readonly Queue _queue;
    private readonly Coordinator _coordinator;
    private Action<JobStreamItem>? _arrived;

    public FakeJobGrid() => (_queue, _coordinator) = (new Queue(this), new Coordinator(this));

    /// <summary>What connecting takes.</summary>
    public Func<CancellationToken, Task> Connecting { get; init; } = _ => Task.CompletedTask;

    /// <summary>The job, asked for the n-th time (from 1); null: unknown.</summary>
    public Func<int, JobRecord?> Job { get; set; } = _ => null;

    /// <summary>Answers of the coordinator, given the number of the call and the sequence asked for.</summary>
    public Func<int, long, JobProgress> Watch { get; set; } = (_, _) => new JobProgress(JobStatus.Unknown, [], null);

    /// <summary>Lines of the metrics file.</summary>
    public List<string> Metrics { get; } = [];

    public string? SummaryText { get; set; }

    public Func<JobRequest, JobAcceptance> Accept { get; set; } = _ => throw new InvalidOperationException();

    /// <summary>Answer to every other act.</summary>
    public Func<JobFailure?> Act { get; set; } = () => null;

    public IReadOnlyList<JobRecord> Jobs { get; set; } = [];

    /// <summary>The job's log.</summary>
    public List<JobLogLine> LogLines { get; } = [];

    /// <summary>Ordered by address.</summary>
    public IReadOnlyList<SiloOverview> Silos { get; set; } = [];

    /// <summary>What was asked for, one line each.</summary>
    public List<string> Asked { get; } = [];

    public int Watches { get; private set; }

    public bool Unsubscribed { get; private set; }

    /// <summary>Whether there is a stream.</summary>
    public bool Streams { get; init; }

    public static JobRecord Record(JobState state, JobFailure? failure = null) => new()
    {
        JobId = "tiny-1",
        Number = 1,
        RunDirectory = "/runs/tiny-1",
        SpecSha256 = "00",
        SubmittedBy = "local",
        SubmittedAt = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        StartedAt = state == JobState.Queued ? null : new DateTimeOffset(2026, 1, 2, 3, 4, 6, TimeSpan.Zero),
        State = state,
        Failure = failure,
        RequestId = "r",
    };

    public static string Line(int step, string stage = "rl") => $$"""{"stage":"{{stage}}","step":{{step}},"steps_total":9}""";

    public static JobProgress Progress(long epoch, JobStatus status, params JobEvent[] events) => new(status, [.. events], null) { Epoch = epoch };

    public static JobEvent Step(long sequence, int step) => new(sequence, JobEventKind.Step, Line(step));

    public void Publish(JobStreamItem item) => _arrived!(item);

    public async Task<IGridConnection> ConnectAsync(GridAddress address, CancellationToken cancellationToken)
    {
        await Connecting(cancellationToken);
        return this;
    }

    public T Grain<T>(string key) where T : IGrainWithStringKey => typeof(T) == typeof(IGridGrain) ? (T)(object)_queue : (T)(object)_coordinator;

    public Task<IAsyncDisposable?> SubscribeAsync(string jobId, Action<JobStreamItem> arrived)
    {
        _arrived = arrived;
        return Task.FromResult<IAsyncDisposable?>(Streams ? new Subscription(this) : null);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class Subscription(FakeJobGrid grid) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            grid.Unsubscribed = true;
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Coordinator(FakeJobGrid grid) : ICoordinatorGrain
    {
        public Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken) => throw new InvalidOperationException("clients do not speak to coordinators");

        public Task Stop(CancellationToken cancellationToken) => throw new InvalidOperationException("clients do not speak to coordinators");

        public async Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken)
        {
            await Task.Delay(5, cancellationToken);
            return grid.Watch(++grid.Watches, afterSequence);
        }
    }

    private sealed class Queue(FakeJobGrid grid) : IGridGrain
    {
        private int _gets;

        public Task<JobAcceptance> Submit(JobRequest request, CancellationToken cancellationToken)
        {
            grid.Asked.Add($"submit {request.Priority}");
            return Task.FromResult(grid.Accept(request));
        }

        public Task<JobPage> List(long afterNumber, CancellationToken cancellationToken) =>
            Task.FromResult(new JobPage([.. grid.Jobs.Where(job => job.Number > afterNumber).Take(2)], grid.Jobs.Count(job => job.Number > afterNumber) > 2, 1));

        public Task<JobRecord?> Get(string jobId, CancellationToken cancellationToken) => Task.FromResult(grid.Job(++_gets));

        public Task<JobHistory> History(string jobId, JobPosition? after, CancellationToken cancellationToken)
        {
            string[] later = [.. grid.Metrics.Where(line => Client.Output.JobMetrics.Parse(line) is { } metrics && new JobPosition(metrics.IsSupervised, metrics.Step).IsAfter(after))];
            return Task.FromResult(new JobHistory([.. later.Take(2)], later.Length > 2));
        }

        public Task<string?> Summary(string jobId, CancellationToken cancellationToken) => Task.FromResult(grid.SummaryText);

        // A line is a hundred bytes long here.
        public Task<JobLogPage> Log(string jobId, long from, CancellationToken cancellationToken)
        {
            int start = (int)(from >= 0 ? from / 100 : Math.Max(0, grid.LogLines.Count + (from / 100)));
            int end = Math.Min(start + 2, grid.LogLines.Count);
            return Task.FromResult(new JobLogPage([.. grid.LogLines.Skip(start).Take(2)], end * 100, end < grid.LogLines.Count));
        }

        public Task<SiloPage> Silos(string? after, CancellationToken cancellationToken)
        {
            SiloOverview[] later = [.. grid.Silos.Where(silo => string.CompareOrdinal(silo.Address, after) > 0)];
            return Task.FromResult(new SiloPage([.. later.Take(2)], later.Length > 2));
        }

        public Task<JobFailure?> Pause(string jobId, CancellationToken cancellationToken) => ActAsync($"pause {jobId}");

        public Task<JobFailure?> Resume(string jobId, CancellationToken cancellationToken) => ActAsync($"resume {jobId}");

        public Task<JobFailure?> Cancel(string jobId, CancellationToken cancellationToken) => ActAsync($"cancel {jobId}");

        public Task<JobFailure?> SetPriority(string jobId, int priority, CancellationToken cancellationToken) => ActAsync($"priority {jobId} {priority}");

        public Task<JobFailure?> SetQuota(int concurrentJobs, CancellationToken cancellationToken) => ActAsync($"quota {concurrentJobs}");

        public Task Tend(CancellationToken cancellationToken) => Task.CompletedTask;

        private Task<JobFailure?> ActAsync(string line)
        {
            grid.Asked.Add(line);
            return Task.FromResult(grid.Act());
        }
    }
}
