namespace Ctwa.Grains.Abstractions;

/// <summary>The grid's jobs, keyed by <see cref="Key"/>: admission, queue, quota. What it is told is stored before it answers.</summary>
[Alias("ctwa.IGridGrain")]
public interface IGridGrain : IGrainWithStringKey
{
    /// <summary>Key of the one grid grain.</summary>
    const string Key = "0";

    /// <summary>Checks a job as strictly as a client does, and queues it.</summary>
    [Alias("Submit")]
    Task<JobAcceptance> Submit(JobRequest request, CancellationToken cancellationToken);

    /// <summary>Jobs in the order of their submission; a page is at most 48 KB.</summary>
    /// <param name="afterNumber">Jobs with a higher <see cref="JobRecord.Number"/>; 0: from the first.</param>
    [Alias("List")]
    Task<JobPage> List(long afterNumber, CancellationToken cancellationToken);

    /// <summary>One job; null if the grid does not know it.</summary>
    [Alias("Get")]
    Task<JobRecord?> Get(string jobId, CancellationToken cancellationToken);

    /// <summary>
    /// Lines of a job's metrics.jsonl, read from its run directory: what a watcher missed. It may lie on storage that is
    /// slow or gone: then the page is empty.
    /// </summary>
    /// <param name="after">Where the watcher is; null: at the beginning.</param>
    [Alias("History")]
    Task<JobHistory> History(string jobId, JobPosition? after, CancellationToken cancellationToken);

    /// <summary>The closing summary from a job's run directory; null if there is none.</summary>
    [Alias("Summary")]
    Task<string?> Summary(string jobId, CancellationToken cancellationToken);

    /// <summary>
    /// Lines of a job's log, read from its run directory; a page is at most 48 KB. The file may lie on storage that is slow or
    /// gone: then the page is empty.
    /// </summary>
    /// <param name="from">Where the last page ended; negative: at most so many bytes before the end.</param>
    [Alias("Log")]
    Task<JobLogPage> Log(string jobId, long from, CancellationToken cancellationToken);

    /// <summary>The grid's silos, ordered by address; a page is at most 48 KB.</summary>
    /// <param name="after">Silos with a later address; null: from the first.</param>
    [Alias("Silos")]
    Task<SiloPage> Silos(string? after, CancellationToken cancellationToken);

    /// <summary>Takes a job from the queue, or lets a running one write a checkpoint and stop. It keeps its place and waits for <see cref="Resume"/>.</summary>
    /// <returns>Null, or why not.</returns>
    [Alias("Pause")]
    Task<JobFailure?> Pause(string jobId, CancellationToken cancellationToken);

    /// <summary>Puts a paused, failed or cancelled job into the queue again; it goes on from its last checkpoint.</summary>
    /// <returns>Null, or why not.</returns>
    [Alias("Resume")]
    Task<JobFailure?> Resume(string jobId, CancellationToken cancellationToken);

    /// <summary>Ends a job: one that waits at once, one that runs after a checkpoint.</summary>
    /// <returns>Null, or why not.</returns>
    [Alias("Cancel")]
    Task<JobFailure?> Cancel(string jobId, CancellationToken cancellationToken);

    /// <summary>Changes a job's priority; one that runs is not interrupted for another.</summary>
    /// <returns>Null, or why not.</returns>
    [Alias("SetPriority")]
    Task<JobFailure?> SetPriority(string jobId, int priority, CancellationToken cancellationToken);

    /// <summary>Changes how many jobs run at a time, for all silos and beyond restarts.</summary>
    /// <returns>Null, or why not.</returns>
    [Alias("SetQuota")]
    Task<JobFailure?> SetQuota(int concurrentJobs, CancellationToken cancellationToken);

    /// <summary>Silos call this every second: it brings the grain back after the death of the silo that held it.</summary>
    [Alias("Tend")]
    Task Tend(CancellationToken cancellationToken);
}
