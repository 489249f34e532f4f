using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>A job as a client hands it to the grid.</summary>
/// <param name="SpecJson">The resolved job (<c>JobSpecJson</c>); at most 256 KB.</param>
/// <param name="RunDirectory">Absolute path of the run directory on the silo's machine.</param>
/// <param name="Resume">True: continue the run in that directory from its last complete checkpoint; false: the directory must be new or empty.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobSubmission")]
public sealed record JobSubmission(
    [property: Id(0)] string SpecJson,
    [property: Id(1)] string RunDirectory,
    [property: Id(2)] bool Resume);

/// <summary>Life of a job.</summary>
public enum JobStatus
{
    /// <summary>Never submitted to this grid.</summary>
    Unknown = 0,
    Running = 1,

    /// <summary>A stop was asked for; the job is on its way to a checkpoint.</summary>
    Stopping = 2,

    /// <summary>Stopped on request with a resumable run.</summary>
    Stopped = 3,
    Succeeded = 4,
    Failed = 5,
}

/// <summary>Why a job failed.</summary>
/// <param name="Kind">Decides the client's exit code.</param>
/// <param name="Message">One clear error: what, the value, what is accepted, what to do.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobFailure")]
public sealed record JobFailure(
    [property: Id(0)] JobFailureKind Kind,
    [property: Id(1)] string Message);

/// <summary>Classes of failures.</summary>
public enum JobFailureKind
{
    /// <summary>The job or the files that it names are wrong; nothing was trained.</summary>
    BadInput = 0,

    /// <summary>A reward failed and its policy is <c>fail</c>.</summary>
    Reward = 1,

    /// <summary>The run directory cannot be written, is full, or is locked by another process.</summary>
    Storage = 2,

    /// <summary>Training produced a non-finite number.</summary>
    Numeric = 3,

    /// <summary>Anything else; the silo's log has the details.</summary>
    Internal = 4,

    /// <summary>Device memory ran out, and micro-batches may not be halved any further.</summary>
    Memory = 5,

    /// <summary>Another coordinator goes on with the job; this one's answers count no more.</summary>
    Replaced = 6,
}

/// <summary>Kinds of <see cref="JobEvent"/>.</summary>
public enum JobEventKind
{
    /// <summary>Payload: <c>{"message": "..."}</c>, one line for people: what the job does now.</summary>
    Message = 0,

    /// <summary>Payload: one line of metrics.jsonl of the supervised stage.</summary>
    SupervisedStep = 1,

    /// <summary>Payload: one line of metrics.jsonl of a reinforcement-learning step.</summary>
    Step = 2,

    /// <summary>Payload: <c>{"path": "...", "step": n, "stage": "rl|supervised"}</c> of a complete checkpoint.</summary>
    Checkpoint = 3,

    /// <summary>Payload: the closing summary, as in the run directory's summary.json.</summary>
    Summary = 4,

    /// <summary>Payload: <c>{"message": "..."}</c>, a warning for people, such as that of a reference mode.</summary>
    Warning = 5,
}

/// <summary>Something that happened to a job, in order.</summary>
/// <param name="Sequence">From 1, without gaps.</param>
/// <param name="Kind">Meaning of the payload.</param>
/// <param name="Json">Payload, one JSON object.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobEvent")]
public sealed record JobEvent(
    [property: Id(0)] long Sequence,
    [property: Id(1)] JobEventKind Kind,
    [property: Id(2)] string Json);

/// <summary>Answer to a watcher; at most 64 KB of events.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.JobProgress")]
public sealed record JobProgress(
    [property: Id(0)] JobStatus Status,
    [property: Id(1)] ImmutableArray<JobEvent> Events,
    [property: Id(2)] JobFailure? Failure)
{
    /// <summary>
    /// Incarnation of the coordinator, whose events are numbered from 1; 0 where a job has only one. A watcher that sees
    /// another one begins again and passes over the steps that it has shown.
    /// </summary>
    [Id(3)]
    public long Epoch { get; init; }

    /// <summary>What the job does now; null: it has not begun, or has ended.</summary>
    [Id(4)]
    public JobActivity? Activity { get; init; }
}
