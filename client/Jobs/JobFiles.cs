using Ctwa.Training.Specification;

namespace Ctwa.Client.Jobs;

/// <summary>A job that may run.</summary>
/// <param name="Spec">Every default filled in, every path absolute.</param>
/// <param name="Plan">What it will do and need.</param>
internal sealed record LoadedJob(JobSpec Spec, JobPlan Plan)
{
    /// <summary>The form that goes to the grid; equal jobs are equal texts.</summary>
    public string Json => JobSpecJson.Serialize(Spec);
}

/// <summary>The client's one way to a job: read, checked with the files that it names, and planned, before anything starts.</summary>
internal static class JobFiles
{
    /// <param name="path">The job file.</param>
    /// <param name="overrides">Texts of <c>--set</c>.</param>
    /// <param name="folder">To which relative paths in the job belong.</param>
    /// <param name="lanes">Compute lanes, of which the memory depends; null: <see cref="DefaultLanes"/>.</param>
    /// <param name="onGpu">The machine's memory is not the one that the job needs.</param>
    /// <exception cref="CommandFailure">Something is wrong; the message lists everything.</exception>
    public static LoadedJob Load(string path, IReadOnlyList<string> overrides, string folder, int? lanes, bool onGpu = false)
    {
        var read = JobSpecReader.Read(path, overrides);
        ThrowIfAny(path, read.Errors);
        var inspection = JobInspector.Inspect(read.Spec!, folder);
        ThrowIfAny(path, [.. inspection.Findings.Select(read.At)]);
        var spec = JobInspector.WithAbsolutePaths(read.Spec!, folder);
        var plan = JobPlan.Create(spec, inspection.Model!, lanes ?? DefaultLanes(spec), inspection.RewardModels);
        ThrowIfAny(path, [.. plan.Check(onGpu ? null : PhysicalMemory.Read()).Select(read.At)]);
        return new LoadedJob(spec, plan);
    }

    /// <summary>As many as the cores allow and the job's shards can use. The result of a job does not depend on it (invariant I1).</summary>
    /// <param name="parallel">Runs that share the machine.</param>
    public static int DefaultLanes(JobSpec spec, int parallel = 1) => Math.Clamp(Environment.ProcessorCount / parallel / spec.Grid.ThreadsPerShard, 1, spec.Grid.Shards);

    private static void ThrowIfAny(string path, IReadOnlyList<JobError> errors)
    {
        if (errors.Count == 0) { return; }
        string heading = FormattableString.Invariant($"{path}: {errors.Count} error{(errors.Count == 1 ? "" : "s")}, nothing was started");
        throw new CommandFailure(ExitCodes.BadInput, $"{heading}\n{string.Join('\n', errors)}");
    }
}
