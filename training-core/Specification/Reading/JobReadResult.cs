namespace Ctwa.Training.Specification;

/// <summary>A job, or everything that is wrong with it.</summary>
public sealed class JobReadResult
{
    private readonly string name;
    private readonly JobMap? tree;

    internal JobReadResult(string name, JobMap? tree, JobSpec? spec, IReadOnlyList<JobError> errors)
    {
        this.name = name;
        this.tree = tree;
        Spec = spec;
        Errors = errors;
    }

    /// <summary>The job with every default; null if there are errors.</summary>
    public JobSpec? Spec { get; }

    /// <summary>All errors, in the order of the file, those of <c>--set</c> last.</summary>
    public IReadOnlyList<JobError> Errors { get; }

    /// <summary>A later finding (files, memory) at the place where the job file says it.</summary>
    public JobError At(JobFinding finding) => tree is null ? new JobError(name, 0, 0, finding.Path, finding.Message) : JobPath.ErrorAt(tree, finding);
}
