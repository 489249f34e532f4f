using System.Collections.Immutable;
using System.Text;
using System.Text.Json.Nodes;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Steps;

namespace Ctwa.Grains.Coordination;

/// <summary>A job's events for its watchers, kept on the coordinator's turn.</summary>
internal sealed class JobEvents : ITrainingObserver
{
    // An answer stays below the 64 KB of a message (invariant I8).
    private const int AnswerBytes = 48 * 1024;

    private static readonly TimeSpan s_longestWait = TimeSpan.FromSeconds(2);
    private readonly List<JobEvent> _events = [];
    private TaskCompletionSource _changed = NewSignal();

    public void Message(string text) => Add(JobEventKind.Message, new JsonObject { ["message"] = text }.ToJsonString());

    public void Warning(string text) => Add(JobEventKind.Warning, new JsonObject { ["message"] = text }.ToJsonString());

    public void Metrics(TrainingStage stage, string json) => Add(stage == TrainingStage.Rl ? JobEventKind.Step : JobEventKind.SupervisedStep, json);

    public void Checkpoint(TrainingStage stage, int step, string path) =>
        Add(JobEventKind.Checkpoint, new JsonObject { ["path"] = path, ["step"] = step, ["stage"] = stage == TrainingStage.Rl ? "rl" : "supervised" }.ToJsonString());

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
        for (int i = (int)Math.Max(sequence, 0); i < _events.Count; i++)
        {
            bytes += Encoding.UTF8.GetByteCount(_events[i].Json) + 32;
            if (bytes > AnswerBytes && answer.Count > 0) { break; }
            answer.Add(_events[i]);
        }

        return answer.ToImmutable();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private void Add(JobEventKind kind, string json)
    {
        _events.Add(new JobEvent(_events.Count + 1, kind, json));
        Signal();
    }
}
