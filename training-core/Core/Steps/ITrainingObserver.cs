namespace Ctwa.Training.Steps;

/// <summary>Hears what a run does. Never on the critical path: implementations return at once.</summary>
public interface ITrainingObserver
{
    /// <summary>One line for people.</summary>
    void Message(string text);

    /// <summary>A warning for people.</summary>
    void Warning(string text);

    /// <summary>One line of metrics.jsonl.</summary>
    void Metrics(TrainingStage stage, string json);

    /// <summary>A complete checkpoint.</summary>
    void Checkpoint(TrainingStage stage, int step, string path);

    /// <summary>The closing summary, as in summary.json.</summary>
    void Summary(string json);
}
