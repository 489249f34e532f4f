using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>Limits that clients and silos share.</summary>
public static class GridLimits
{
    /// <summary>Lowest and highest priority.</summary>
    public const int LowestPriority = -100, HighestPriority = 100;

    /// <summary>Most jobs at a time that a quota may allow.</summary>
    public const int HighestQuota = 1000;

    /// <summary>Most jobs that wait, run or are paused.</summary>
    public const int LivingJobs = 1000;

    /// <summary>Ended jobs that are remembered; older ones are forgotten, their run directories stay.</summary>
    public const int EndedJobs = 1000;

    /// <summary>Bytes of an answer's content; with its frame it stays below the 64 KB of a message (invariant I8).</summary>
    public const int AnswerBytes = 48 * 1024;
}

/// <summary>A job as a client asks the grid for it.</summary>
/// <param name="SpecJson">The resolved job (<c>JobSpecJson</c>); at most 256 KB.</param>
/// <param name="RunDirectory">Absolute path of the run directory; null: <c>runs/ID</c> below the grid's first allowed root, or below <paramref name="Folder"/> where the grid has none.</param>
/// <param name="Folder">The client's folder, absolute.</param>
/// <param name="Priority">Higher ones first.</param>
/// <param name="Resume">Continue the run in that directory.</param>
/// <param name="RequestId">Chosen by the client: asking again with the same one is asking once.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobRequest")]
public sealed record JobRequest(
    [property: Id(0)] string SpecJson,
    [property: Id(1)] string? RunDirectory,
    [property: Id(2)] string Folder,
    [property: Id(3)] int Priority,
    [property: Id(4)] bool Resume,
    [property: Id(5)] string RequestId);

/// <summary>Answer to a request: exactly one of the two is set.</summary>
/// <param name="Job">The job as it is queued.</param>
/// <param name="Failure">Everything that is wrong, one line each.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobAcceptance")]
public sealed record JobAcceptance(
    [property: Id(0)] JobRecord? Job,
    [property: Id(1)] JobFailure? Failure);

/// <summary>Where a job is in its life on the grid.</summary>
public enum JobState
{
    /// <summary>Waits for its turn.</summary>
    Queued = 0,
    Running = 1,

    /// <summary>On its way to a checkpoint, then <see cref="Paused"/>.</summary>
    Pausing = 2,

    /// <summary>Waits for a resume.</summary>
    Paused = 3,
    Succeeded = 4,
    Failed = 5,
    Cancelled = 6,

    /// <summary>On its way to a checkpoint, then <see cref="Cancelled"/>.</summary>
    Cancelling = 7,
}

/// <summary>What the grid remembers of a job.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.JobRecord")]
public sealed record JobRecord
{
    /// <summary>Name, date and time; the name of its coordinator and of its run directory.</summary>
    [Id(0)]
    public required string JobId { get; init; }

    /// <summary>Counts submissions from 1.</summary>
    [Id(1)]
    public required long Number { get; init; }

    [Id(2)]
    public required string RunDirectory { get; init; }

    /// <summary>SHA-256 of the job, hexadecimal.</summary>
    [Id(3)]
    public required string SpecSha256 { get; init; }

    [Id(4)]
    public int Priority { get; init; }

    /// <summary>Name in the file of tokens; <c>local</c> where there are none.</summary>
    [Id(5)]
    public required string SubmittedBy { get; init; }

    [Id(6)]
    public JobState State { get; init; }

    /// <summary>Why it failed; of a job that runs, why it was last started again.</summary>
    [Id(7)]
    public JobFailure? Failure { get; init; }

    [Id(8)]
    public required DateTimeOffset SubmittedAt { get; init; }

    /// <summary>When it ran first.</summary>
    [Id(9)]
    public DateTimeOffset? StartedAt { get; init; }

    [Id(10)]
    public DateTimeOffset? EndedAt { get; init; }

    /// <summary>Silos of the grid when it was last started, in Orleans' parsable form.</summary>
    [Id(11)]
    public ImmutableArray<string> Peers { get; init; } = [];

    /// <summary>Incarnation of its coordinator that was seen last.</summary>
    [Id(12)]
    public long Epoch { get; init; }

    /// <summary>A coordinator has accepted it: from now on it is resumed.</summary>
    [Id(13)]
    public bool Begun { get; init; }

    /// <summary>Starts again, since the last completed step, after a failure of the grid.</summary>
    [Id(14)]
    public int Restarts { get; init; }

    /// <summary>The newest step that was seen; null before the first.</summary>
    [Id(15)]
    public JobPosition? Position { get; init; }

    /// <summary>Steps of that stage.</summary>
    [Id(16)]
    public int? StepsTotal { get; init; }

    /// <summary>The request that it came with.</summary>
    [Id(17)]
    public required string RequestId { get; init; }

    /// <summary>It will not change any more unless somebody resumes it.</summary>
    public bool HasEnded => State is JobState.Succeeded or JobState.Failed or JobState.Cancelled;

    /// <summary>It counts against the quota.</summary>
    public bool IsActive => State is JobState.Running or JobState.Pausing or JobState.Cancelling;
}

/// <summary>A step of a job; the supervised stage comes before reinforcement learning.</summary>
/// <param name="Supervised">Stage.</param>
/// <param name="Step">From 1.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobPosition")]
public sealed record JobPosition(
    [property: Id(0)] bool Supervised,
    [property: Id(1)] int Step) : IComparable<JobPosition>
{
    /// <inheritdoc/>
    public int CompareTo(JobPosition? other) => other is null ? 1 : Supervised != other.Supervised ? (Supervised ? -1 : 1) : Step.CompareTo(other.Step);

    /// <summary>It comes later than another, or there is no other.</summary>
    public bool IsAfter(JobPosition? other) => CompareTo(other) > 0;

    public static bool operator <(JobPosition left, JobPosition right) => left.CompareTo(right) < 0;

    public static bool operator >(JobPosition left, JobPosition right) => left.CompareTo(right) > 0;

    public static bool operator <=(JobPosition left, JobPosition right) => left.CompareTo(right) <= 0;

    public static bool operator >=(JobPosition left, JobPosition right) => left.CompareTo(right) >= 0;

    public override string ToString() => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{(Supervised ? "supervised" : "rl")} step {Step}");
}

/// <summary>Some jobs.</summary>
/// <param name="Jobs">In the order of their submission.</param>
/// <param name="More">There are later ones.</param>
/// <param name="Quota">Jobs that run at a time.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobPage")]
public sealed record JobPage(
    [property: Id(0)] ImmutableArray<JobRecord> Jobs,
    [property: Id(1)] bool More,
    [property: Id(2)] int Quota);

/// <summary>Some lines of a metrics file.</summary>
/// <param name="Lines">JSON objects, in the order of the steps.</param>
/// <param name="More">There are later ones.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobHistory")]
public sealed record JobHistory(
    [property: Id(0)] ImmutableArray<string> Lines,
    [property: Id(1)] bool More);

/// <summary>An event on its way to watchers that subscribed. Some may be missing: the numbers tell.</summary>
/// <param name="Epoch">Incarnation of the coordinator.</param>
/// <param name="Event">What happened.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobStreamItem")]
public sealed record JobStreamItem(
    [property: Id(0)] long Epoch,
    [property: Id(1)] JobEvent Event);

/// <summary>Names of the streams of events.</summary>
public static class JobStreams
{
    /// <summary>Stream provider of silos and clients.</summary>
    public const string Provider = "ctwa";

    /// <summary>Namespace; the key is the job's id.</summary>
    public const string Namespace = "ctwa.job";
}
