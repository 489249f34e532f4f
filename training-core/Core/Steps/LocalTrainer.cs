using Ctwa.Training.Runs;

namespace Ctwa.Training.Steps;

/// <summary>Runs a job in the calling thread without a grid: <see cref="TrainingLoop"/> over <see cref="LocalBackend"/>.</summary>
public static class LocalTrainer
{
    /// <summary>Runs or continues the job in a run directory.</summary>
    public static async Task<RunOutcome> RunAsync(PreparedJob job, RunDirectory run, ITrainingObserver observer, CancellationToken stop = default, CancellationToken cancellationToken = default)
    {
        using var backend = new LocalBackend(job);
        return await new TrainingLoop(job, backend, run, observer).RunAsync(stop, cancellationToken);
    }
}
