namespace Ctwa.Grains.Coordination;

/// <summary>
/// Numbers the coordinators of a job: a later one gets a higher number, and everybody who has seen it refuses the earlier
/// (invariant I5). Registered only where silos share a grid; without one, a run directory is owned by one process at a time.
/// </summary>
public interface IEpochSource
{
    /// <summary>The next epoch of a job, higher than any handed out before and than <paramref name="atLeast"/> − 1.</summary>
    /// <param name="jobId">Job.</param>
    /// <param name="atLeast">Lowest acceptable: one more than the run directory remembers, should this source have lost its memory.</param>
    Task<long> NextAsync(string jobId, long atLeast, CancellationToken cancellationToken);
}
