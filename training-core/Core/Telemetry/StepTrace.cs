using System.Diagnostics;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Telemetry;

/// <summary>
/// Spans of a job's loop, activity source <c>Ctwa.Training</c>, by the process of its coordinator: one trace per step, with its attempts,
/// their phases, the commit and the checkpoint. What shards and slices do hangs below the phases, on whatever silo.
/// </summary>
internal static class StepTrace
{
    public static readonly ActivitySource Source = new(TelemetryNames.Training);

    /// <summary>Runs a step in a trace of its own.</summary>
    public static Task<T> StepAsync<T>(string jobId, TrainingStage stage, int step, Func<Task<T>> work) => RunAsync(TelemetryNames.StepSpan, work, span =>
    {
        span.SetTag(TelemetryNames.JobLabel, jobId);
        span.SetTag(TelemetryNames.StageLabel, stage == TrainingStage.Rl ? "rl" : "supervised");
        span.SetTag("ctwa.step", step);
    });

    /// <summary>Runs work in a span; without a listener, just runs it.</summary>
    public static Task<T> RunAsync<T>(string name, Func<Task<T>> work, Action<Activity>? describe = null) => Source.HasListeners() ? InSpanAsync(name, work, describe) : work();

    /// <inheritdoc cref="RunAsync{T}"/>
    public static Task RunAsync(string name, Func<Task> work) => RunAsync(name, async () =>
    {
        await work();
        return true;
    });

    /// <summary>Says on the present span that it failed.</summary>
    public static void Fail(Activity? span, Exception failure) => span?.SetStatus(ActivityStatusCode.Error, failure.Message.Length > 500 ? failure.Message[..500] : failure.Message);

    private static async Task<T> InSpanAsync<T>(string name, Func<Task<T>> work, Action<Activity>? describe)
    {
        using var span = Source.StartActivity(name);
        if (span is not null) { describe?.Invoke(span); }
        try
        {
            return await work();
        }
        catch (Exception failure)
        {
            Fail(span, failure);
            throw;
        }
    }
}
