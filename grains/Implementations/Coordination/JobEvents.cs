using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Logs;
using Ctwa.Grains.Jobs.Streams;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>A job's events for its watchers, kept on the coordinator's turn. Each incarnation of the coordinator has its own, numbered from 1.</summary>
internal sealed class JobEvents : ITrainingObserver
{
    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(2);
    private readonly List<JobEvent> _events = [];
    private TaskCompletionSource _changed = NewSignal();
    private JobEventFeed? _feed;
    private JobLog? _log;

    /// <summary>Incarnation whose events these are; 0: the only one.</summary>
    public long Epoch { get; private set; }

    /// <summary>Forgets what an earlier incarnation told, and begins again.</summary>
    /// <param name="epoch">The coordinator's epoch.</param>
    /// <param name="feed">Also gets every event; null: only those who ask.</param>
    /// <param name="log">Also gets what is told to people; null: nothing is kept.</param>
    public void Start(long epoch, JobEventFeed? feed = null, JobLog? log = null)
    {
        _events.Clear();
        Epoch = epoch;
        _feed = feed;
        _log = log;
        Signal();
    }

    public void Message(string text)
    {
        _log?.Add(JobLogLevel.Info, text);
        Add(JobEventKind.Message, new JsonObject { ["message"] = text }.ToJsonString());
    }

    public void Warning(string text)
    {
        _log?.Add(JobLogLevel.Warning, text);
        Add(JobEventKind.Warning, new JsonObject { ["message"] = text }.ToJsonString());
    }

    public void Metrics(TrainingStage stage, string json) => Add(stage == TrainingStage.Rl ? JobEventKind.Step : JobEventKind.SupervisedStep, json);

    public void Checkpoint(TrainingStage stage, int step, string path)
    {
        _log?.Add(JobLogLevel.Info, $"checkpoint {path}");
        Add(JobEventKind.Checkpoint, new JsonObject { ["path"] = path, ["step"] = step, ["stage"] = stage == TrainingStage.Rl ? "rl" : "supervised" }.ToJsonString());
    }

    public void Summary(string json) => Add(JobEventKind.Summary, json);

    /// <summary>Wakes watchers: an event came or the job's status changed.</summary>
    public void Signal()
    {
        var signal = _changed;
        _changed = NewSignal();
        signal.SetResult();
    }

    /// <summary>Events after a sequence number; waits for one unless the job has ended.</summary>
    public async Task<ImmutableArray<JobEvent>> AfterAsync(long sequence, Func<bool> ended, CancellationToken cancellationToken)
    {
        if (sequence >= _events.Count && !ended()) { await Task.WhenAny(_changed.Task, Task.Delay(s_longestWait, cancellationToken)); }
        var answer = ImmutableArray.CreateBuilder<JobEvent>();
        int bytes = 0;
        // A number beyond the last is that of an earlier incarnation: its watcher begins again when it sees the epoch.
        for (int i = (int)Math.Clamp(sequence, 0, _events.Count); i < _events.Count; i++)
        {
            bytes += Encoding.UTF8.GetByteCount(_events[i].Json) + 32;
            if (bytes > GridLimits.AnswerBytes && answer.Count > 0) { break; }
            answer.Add(_events[i]);
        }

        return answer.ToImmutable();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Add(JobEventKind kind, string json)
    {
        var happened = new JobEvent(_events.Count + 1, kind, json);
        _events.Add(happened);
        _feed?.Post(new JobStreamItem(Epoch, happened));
        Signal();
    }
}
