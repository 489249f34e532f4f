using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>How much a line of a job's log matters.</summary>
public enum JobLogLevel
{
    Info = 0,
    Warning = 1,
    Error = 2,
}

/// <summary>A line of a job's log.</summary>
/// <param name="At">When it was said.</param>
/// <param name="Epoch">By which incarnation of the coordinator; 0 where a job has only one.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Text">One or several lines for people.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobLogLine")]
public sealed record JobLogLine(
    [property: Id(0)] DateTimeOffset At,
    [property: Id(1)] long Epoch,
    [property: Id(2)] JobLogLevel Level,
    [property: Id(3)] string Text);

/// <summary>Some lines of a job's log.</summary>
/// <param name="Lines">In the order of the file.</param>
/// <param name="Next">Where the next page begins.</param>
/// <param name="More">There is more at once.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobLogPage")]
public sealed record JobLogPage(
    [property: Id(0)] ImmutableArray<JobLogLine> Lines,
    [property: Id(1)] long Next,
    [property: Id(2)] bool More);
