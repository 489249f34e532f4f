using Ctwa.Training.Steps;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Keeps what a run tells.</summary>
/// <param name="onStep">Called after the line of an RL step (and of step 0).</param>
/// <param name="onMetrics">Called after every line.</param>
/// <param name="onAnything">Called after everything heard.</param>
internal sealed class RecordingObserver(Action? onStep = null, Action? onMetrics = null, Action? onAnything = null) : ITrainingObserver
{
    public List<string> Messages { get; } = [];

    public List<string> Warnings { get; } = [];

    public List<string> Lines { get; } = [];

    public string LastSummary { get; private set; } = "";

    public void Message(string text)
    {
        Messages.Add(text);
        onAnything?.Invoke();
    }

    public void Warning(string text)
    {
        Warnings.Add(text);
        onAnything?.Invoke();
    }

    public void Metrics(TrainingStage stage, string json)
    {
        Lines.Add(json);
        onMetrics?.Invoke();
        onAnything?.Invoke();
        if (stage == TrainingStage.Rl) { onStep?.Invoke(); }
    }

    public void Checkpoint(TrainingStage stage, int step, string path)
    {
        Messages.Add($"checkpoint {path}");
        onAnything?.Invoke();
    }

    public void Summary(string json)
    {
        LastSummary = json;
        onAnything?.Invoke();
    }
}
