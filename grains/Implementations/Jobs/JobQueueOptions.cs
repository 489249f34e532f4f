namespace Ctwa.Grains.Jobs;

/// <summary>How the grid's queue works.</summary>
public sealed record JobQueueOptions
{
    /// <summary>
    /// Jobs at a time until an administrator says otherwise (<c>ctwa jobs --quota</c>). One: a job spreads over all silos, and two
    /// would only share the same lanes and memory.
    /// </summary>
    public int ConcurrentJobs { get; init; } = 1;

    /// <summary>Between two looks at the jobs.</summary>
    public TimeSpan Period { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Starts again after failures of the grid without a completed step in between; then the job fails: what stops it every time
    /// is no accident.
    /// </summary>
    public int MostRestarts { get; init; } = 5;

    /// <summary>How long a run directory may be held by an earlier owner while a job goes on elsewhere.</summary>
    public TimeSpan TakeOverPatience { get; init; } = TimeSpan.FromMinutes(2);
}
