using Ctwa.Training.Steps;

namespace Ctwa.Bench;

/// <summary>Hears a run and says nothing: benchmarks read its files.</summary>
internal sealed class Silence : ITrainingObserver
{
    public void Message(string text) { }

    public void Warning(string text) { }

    public void Metrics(TrainingStage stage, string json) { }

    public void Checkpoint(TrainingStage stage, int step, string path) { }

    public void Summary(string json) { }
}
