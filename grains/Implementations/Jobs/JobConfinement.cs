using Ctwa.Grains.Hosting;
using Ctwa.Training.Specification;

namespace Ctwa.Grains.Jobs;

/// <summary>
/// Keeps jobs within the folders of this silo. Asked when a job is submitted, and again when its coordinator opens it: what was
/// a folder then may be a link now.
/// </summary>
public sealed class JobConfinement
{
    /// <summary>Key of the run directory in messages.</summary>
    public const string RunDirectoryKey = "run directory (--output)";

    private readonly FolderPolicy _policy;

    /// <param name="folders">Without allowed roots, everything is allowed.</param>
    public JobConfinement(GridFolders folders) =>
        // Of the silo's own folder only the runs: its records of jobs and grains are nobody else's.
        _policy = folders.AllowedRoots.Count == 0
            ? FolderPolicy.Open
            : new FolderPolicy { Roots = [.. folders.AllowedRoots, .. folders.Data is { } data ? (string[])[Path.Combine(data, "runs")] : []] };

    /// <summary>Where runs go whose submitter named no place; null: where the submitter is.</summary>
    public string? DefaultRuns => _policy.Roots is [var first, ..] ? Path.Combine(first, "runs") : null;

    /// <summary>Whether a file that the grid reads for a client lies inside.</summary>
    public bool Allows(string path) => _policy.Refusal("", path) is null;

    /// <summary>Every path that leads outside, one line each: what names it, its value, what is allowed. Empty: the job may run here.</summary>
    /// <param name="job">A checked job.</param>
    /// <param name="runDirectory">Its run directory, which need not exist yet.</param>
    public IReadOnlyList<string> Check(JobSpec job, string runDirectory)
    {
        if (_policy.IsOpen) { return []; }
        string[] written = [runDirectory, .. ((string[])["checkpoints", "samples", "scores", "tensorboard"]).Select(name => Path.Combine(runDirectory, name))];
        var first = written.Select(path => _policy.Refusal(RunDirectoryKey, path)).OfType<string>().Take(1);
        return [.. first, .. _policy.Refusals(job)];
    }
}
