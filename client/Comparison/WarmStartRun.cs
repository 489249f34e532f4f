using Ctwa.Client.Jobs;
using Ctwa.Client.Output;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Comparison;

/// <summary>
/// A supervised stage that several runs begin with: it is trained once, as a run without steps of reinforcement learning,
/// and its checkpoint and metrics are copied into each of them. What they then do is, bit for bit, what they would have
/// done after training it themselves (invariant I1).
/// </summary>
/// <param name="Seed">Seed of the runs.</param>
/// <param name="Job">The supervised stage alone.</param>
/// <param name="Folder">Its run directory.</param>
internal sealed record WarmStartRun(long Seed, LoadedJob Job, string Folder)
{
    /// <summary>For progress lines.</summary>
    public string Title => FormattableString.Invariant($"warm start seed {Seed}");

    private string Checkpoint => FormattableString.Invariant($"supervised-{Job.Spec.WarmStart!.Steps:D6}");

    /// <summary>Equal for jobs with the same supervised stage; null for a job without one.</summary>
    public static string? KeyOf(JobSpec spec) => spec.WarmStart is null
        ? null
        : string.Join('\n', JobSettings.Differences("{}", JobSpecJson.Serialize(spec)).Where(setting => JobSettings.DecidesSupervisedStage(setting.Key)).Select(setting => $"{setting.Key}={setting.Second}"));

    /// <summary>The supervised stage of a job.</summary>
    public static WarmStartRun For(LoadedJob job, string folder)
    {
        var spec = job.Spec with
        {
            Name = "warm-start",
            // Whatever is not read in the stage: no warnings of a method, nothing measured, and both checkpoints kept.
            Scalarizer = new LinearScalarizerSpec(),
            Schedule = job.Spec.Schedule with { Steps = 0, ValidateEvery = 0, Keep = Math.Max(2, job.Spec.Schedule.Keep) },
        };
        return new WarmStartRun(job.Spec.Seed, job with { Spec = spec }, folder);
    }

    /// <summary>Makes the run directory of a run that goes on from here, complete or not at all.</summary>
    /// <param name="run">A run whose directory does not exist yet.</param>
    public void ForkInto(PlannedRun run)
    {
        string temporary = run.Folder + ".new";
        if (Directory.Exists(temporary)) { Directory.Delete(temporary, recursive: true); }
        string target = Path.Combine(temporary, "checkpoints", Checkpoint);
        Directory.CreateDirectory(target);
        foreach (string file in Directory.GetFiles(Path.Combine(Folder, "checkpoints", Checkpoint))) { File.Copy(file, Path.Combine(target, Path.GetFileName(file))); }
        File.WriteAllLines(Path.Combine(temporary, "metrics.jsonl"), File.ReadLines(Path.Combine(Folder, "metrics.jsonl")).Where(line => JobMetrics.Parse(line) is { IsSupervised: true }));
        File.WriteAllText(Path.Combine(temporary, "job.yaml"), JobSpecYaml.Write(run.Job.Spec));
        Directory.Move(temporary, run.Folder);
    }
}
