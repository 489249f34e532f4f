namespace Ctwa.Grains.Abstractions;

/// <summary>One job, keyed by its id: owns the step's state machine, weighs, commits. Every call returns within 5 seconds.</summary>
[Alias("ctwa.ICoordinatorGrain")]
public interface ICoordinatorGrain : IGrainWithStringKey
{
    /// <summary>
    /// Starts the job, or does nothing if this job already runs. Errors that need no model are reported here; later
    /// ones through <see cref="Watch"/>.
    /// </summary>
    /// <returns>Null if accepted, otherwise why not.</returns>
    [Alias("Submit")]
    Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken);

    /// <summary>Events after <paramref name="afterSequence"/>; waits up to two seconds for one.</summary>
    [Alias("Watch")]
    Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken);

    /// <summary>Asks the job to checkpoint at the next step boundary and to stop. Returns at once; <see cref="Watch"/> tells when it is done.</summary>
    [Alias("Stop")]
    Task Stop(CancellationToken cancellationToken);
}
