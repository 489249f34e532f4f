using Ctwa.Training.Runs;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>
/// The job and the machine that a checkpoint belongs to, written into it. A resume under another job is refused, since
/// neither job would describe the run; a resume on another kind of machine is told that bits may differ.
/// </summary>
internal static class CheckpointOrigin
{
    private const string JobFile = "job.json";
    private const int MostShown = 6;

    /// <summary>Adds <c>job.json</c> and <c>fingerprint.json</c> to a checkpoint.</summary>
    /// <param name="here">Of those who compute; null: the CPU's.</param>
    public static void WriteTo(string checkpoint, JobSpec spec, NumericFingerprint? here = null)
    {
        File.WriteAllText(Path.Combine(checkpoint, JobFile), JobSpecJson.Serialize(spec));
        (here ?? NumericFingerprint.OfCpu(spec.Grid.ThreadsPerShard)).WriteTo(checkpoint);
    }

    /// <summary>Compares a checkpoint's job and machine with the present ones.</summary>
    /// <remarks>
    /// A checkpoint of the supervised stage is bound only to what that stage is a function of: several jobs may go on from one
    /// warm start. A checkpoint of reinforcement learning is bound to everything but <c>schedule</c>, <c>name</c> and what decides no bits.
    /// </remarks>
    /// <param name="checkpoint">The checkpoint's folder, under the name that its step gave it.</param>
    /// <param name="spec">The present job.</param>
    /// <param name="warn">Receives what may change the run's bits.</param>
    /// <param name="here">Of those who compute; null: the CPU's.</param>
    /// <exception cref="JobInputException">A setting that the checkpoint is bound to is another.</exception>
    public static void Check(string checkpoint, JobSpec spec, Action<string> warn, NumericFingerprint? here = null)
    {
        string path = Path.Combine(checkpoint, JobFile);
        if (File.Exists(path)) { CheckJob(checkpoint, JobSettings.Differences(File.ReadAllText(path), JobSpecJson.Serialize(spec)), warn); }
        if (NumericFingerprint.ReadFrom(checkpoint) is { } there && (here ?? NumericFingerprint.OfCpu(spec.Grid.ThreadsPerShard)).DifferencesFrom(there) is { Count: > 0 } differences)
        {
            warn($"this machine computes with another numeric fingerprint than the one that wrote '{checkpoint}' ({string.Join("; ", differences)}): the run continues, but its bits may differ from an uninterrupted run's.");
        }
    }

    private static void CheckJob(string checkpoint, IReadOnlyList<JobDifference> differences, Action<string> warn)
    {
        bool supervised = RunDirectory.StepOf(Path.GetFileName(Path.TrimEndingDirectorySeparator(checkpoint))) is (TrainingStage.Supervised, _);
        var changed = differences.Where(entry => JobSettings.SectionOf(entry.Key) is not ("schedule" or "name") && JobSettings.DecidesBits(entry.Key) && (!supervised || JobSettings.DecidesSupervisedStage(entry.Key))).ToList();
        string Show(IEnumerable<JobDifference> entries) => string.Join("; ", entries.Select(entry => $"{entry.Key} is {entry.Second ?? "absent"} but was {entry.First ?? "absent"}"));

        // A run may have moved: what the files hold is checked where they are read.
        var moved = changed.Where(entry => IsPath(entry.Key) && entry is { First: not null, Second: not null }).ToList();
        if (moved.Count > 0) { warn($"the job names other files than '{checkpoint}' was trained with ({Show(moved)}); the run is the same only if their contents are."); }
        var refused = changed.Except(moved).ToList();
        if (refused.Count == 0) { return; }
        string more = refused.Count > MostShown ? $"; and {refused.Count - MostShown} more" : "";
        string free = supervised ? "Only what the supervised stage does not read may change (all but kind, seed, model, data, warm_start, supervised, grid and how micro-batches are computed)" : "Only schedule.*, tracking.*, grid.mirror and grid.straggler_factor may change";
        throw new JobInputException($"the run cannot be resumed with another job than '{checkpoint}' was trained with: {Show(refused.Take(MostShown))}{more}. {free}; resume with the run's own job.yaml, or start a new run.");
    }

    private static bool IsPath(string key) => key.EndsWith(".path", StringComparison.Ordinal) || key == "model.init.tokenizer";
}
