using System.Security.Cryptography;
using System.Text;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Specification;

namespace Ctwa.Grains.Jobs;

/// <summary>A request that may be queued.</summary>
/// <param name="Spec">The job.</param>
/// <param name="SpecSha256">Of its text.</param>
/// <param name="RunDirectory">Absolute; given an id.</param>
internal sealed record AdmittedJob(JobSpec Spec, string SpecSha256, Func<string, string> RunDirectory);

/// <summary>Checks requests as if no client had: sizes first, then the job, what its rewards use, and every path.</summary>
internal sealed class JobAdmission(SiloComputeOptions compute, JobConfinement confinement)
{
    private const int LongestPath = 4096;

    /// <exception cref="JobRefusedException">Everything that is wrong, one line each.</exception>
    public AdmittedJob Admit(JobRequest request)
    {
        // Before anything looks into it: what is too large is not read.
        if (Encoding.UTF8.GetByteCount(request.SpecJson) is > JobSpecReader.MaxBytes and var size) { throw new JobRefusedException(FormattableString.Invariant($"the job has {size} bytes; accepted are at most {JobSpecReader.MaxBytes}. A job holds settings, not data.")); }
        if (request.RequestId.Length is 0 or > 64) { throw new JobRefusedException(FormattableString.Invariant($"the request's id has {request.RequestId.Length} characters; accepted are 1 to 64.")); }
        JobQueue.RequirePriority(request.Priority);
        if (request.RunDirectory is { Length: > LongestPath } || request.Folder.Length > LongestPath) { throw new JobRefusedException(FormattableString.Invariant($"{JobConfinement.RunDirectoryKey}: the path is longer than {LongestPath} characters.")); }
        if (request is { Resume: true, RunDirectory: null }) { throw new JobRefusedException($"{JobConfinement.RunDirectoryKey}: missing; a resume needs the run directory."); }
        JobSpec spec;
        try { spec = JobSpecJson.Deserialize(request.SpecJson); }
        catch (Exception wrong) when (wrong is InvalidDataException or System.Text.Json.JsonException) { throw new JobRefusedException(wrong.Message); }

        string Directory(string id) => request.RunDirectory ?? Path.Combine(confinement.DefaultRuns ?? Path.Combine(request.Folder, "runs"), id);
        string directory = Directory(spec.Name);
        var errors = new List<string>();
        if (!Path.IsPathRooted(directory)) { errors.Add($"{JobConfinement.RunDirectoryKey}: '{directory}' is not an absolute path."); }
        errors.AddRange(compute.Rewards.Refusals(spec));
        errors.AddRange(confinement.Check(spec, directory).Where(error => errors.Count == 0 || !error.StartsWith(JobConfinement.RunDirectoryKey, StringComparison.Ordinal)));
        // Only now: what lies outside is not even looked at.
        if (errors.Count == 0 && request.Resume && !File.Exists(Path.Combine(directory, "job.yaml"))) { errors.Add($"{JobConfinement.RunDirectoryKey}: '{directory}' holds no run to resume (no job.yaml), or this silo does not see it."); }
        if (errors.Count == 0 && !request.Resume && request.RunDirectory is not null && File.Exists(Path.Combine(directory, "job.yaml"))) { errors.Add($"{JobConfinement.RunDirectoryKey}: '{directory}' already holds a run; continue it with --resume, or choose another."); }
        if (errors.Count > 0) { throw new JobRefusedException(string.Join('\n', errors)); }
        string Normal(string id) => Path.TrimEndingDirectorySeparator(Path.GetFullPath(Directory(id)));
        return new AdmittedJob(spec, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(request.SpecJson))), Normal);
    }
}
