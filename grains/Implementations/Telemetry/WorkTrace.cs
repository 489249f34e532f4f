using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Telemetry;

namespace Ctwa.Grains.Telemetry;

/// <summary>
/// Spans of the grid's work, activity source <c>Ctwa.Grid</c>: by the coordinator's process what it has all shards or slices do
/// (<c>shards generate</c>), by each silo what its shards, slices and members do of it (<c>shard generate</c>). Orleans carries the context
/// between them. Without a listener nothing is made.
/// </summary>
internal static partial class WorkTrace
{
    public static readonly ActivitySource Source = new(TelemetryNames.Grid);

    private static readonly ConcurrentDictionary<Type, string> s_names = new();

    /// <summary>Runs a grain's work in a span, which ends with the work, not with the call that started it.</summary>
    /// <param name="part">Shard, slice, member or rewards.</param>
    /// <param name="work">Message that asks for it; names the span.</param>
    /// <param name="key">The grain's key.</param>
    /// <param name="run">Does it.</param>
    public static Task<T> RunAsync<T>(string part, object work, string key, Func<Task<T>> run) => Source.HasListeners() ? InSpanAsync($"{part} {NameOf(work.GetType())}", run, span =>
    {
        var (jobId, index) = GrainKeys.Parse(key);
        span.SetTag(TelemetryNames.JobLabel, LabelText.Bounded(jobId));
        if (index != GrainKeys.Whole) { span.SetTag("ctwa.part", index); }
        span.SetTag("ctwa.silo", GrainKeys.SiloOf(key));
    }) : run();

    /// <summary>Runs what the coordinator has all parts do in a span.</summary>
    /// <param name="parts">Shards or slices.</param>
    /// <param name="result">Type of message that names the span.</param>
    /// <param name="run">Does it.</param>
    public static Task<T> AllAsync<T>(string parts, Type result, Func<Task<T>> run) => Source.HasListeners() ? InSpanAsync($"{parts} {NameOf(result)}", run, null) : run();

    /// <summary>Leaves the trace of whoever called: what begins here lasts longer than the call.</summary>
    public static void Leave()
    {
        Activity.Current = null;
        foreach (string header in (string[])["traceparent", "tracestate"]) { Orleans.Runtime.RequestContext.Remove(header); }
    }

    private static async Task<T> InSpanAsync<T>(string name, Func<Task<T>> run, Action<Activity>? describe)
    {
        using var span = Source.StartActivity(name);
        if (span is not null) { describe?.Invoke(span); }
        try
        {
            return await run();
        }
        catch (Exception failure)
        {
            StepTrace.Fail(span, failure);
            throw;
        }
    }

    /// <summary><c>measure tokens</c> of MeasureTokensWork.</summary>
    private static string NameOf(Type message) => s_names.GetOrAdd(message, type => Words().Replace(Ending().Replace(type.Name, ""), " $1").TrimStart().ToLowerInvariant());

    [GeneratedRegex("(Work|Result|Batch|Message)$")]
    private static partial Regex Ending();

    [GeneratedRegex("([A-Z])")]
    private static partial Regex Words();
}
