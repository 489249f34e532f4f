using System.Diagnostics;
using System.Text.Json;
using Ctwa.Client.Live;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>What is known of a job from its events so far. Not safe for several threads.</summary>
internal sealed class RunState
{
    // Long enough to average a validation in, short enough to follow a policy whose responses shrink.
    private const int StepsAveraged = 20;
    private readonly Queue<double> stepSeconds = new();
    private readonly Dictionary<string, double> heldOut = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (Series Score, Series Covariance)> series = new(StringComparer.Ordinal);
    private long nowAt;

    /// <summary>The latest step of either stage.</summary>
    public JobMetrics? Latest { get; private set; }

    /// <summary>What the job says that it does now.</summary>
    public string? Activity { get; private set; }

    /// <summary>What it does at the moment, and who computes for it; null: unknown.</summary>
    public JobActivity? Now { get; private set; }

    /// <summary>How long it has been doing that.</summary>
    public double NowSeconds => Now is null ? 0 : Now.Seconds + Stopwatch.GetElapsedTime(nowAt).TotalSeconds;

    /// <summary>Steps of reinforcement learning whose real change was measured.</summary>
    public int StepsMeasured { get; private set; }

    /// <summary>Those of them in which an objective fell while the signal rose.</summary>
    public int StepsWithInterference { get; private set; }

    /// <summary>The newest of these.</summary>
    public (int Step, string Loser, string Winner)? LastInterference { get; private set; }

    public RunSummary? Summary { get; private set; }

    /// <summary>The newest held-out mean of each objective: validation runs only now and then.</summary>
    public IReadOnlyDictionary<string, double> HeldOut => heldOut;

    /// <summary>Estimated seconds to the end of this stage; null if unknown, or when there is none.</summary>
    public double? SecondsLeft =>
        Latest is { StepsTotal: { } total } && Latest.Step < total && stepSeconds.Count > 0 ? stepSeconds.Average() * (total - Latest.Step) : null;

    /// <summary>The latest step for a message, such as <c>rl step 12/100</c>; null before the first.</summary>
    public string? LastStep => Latest is null ? null : $"{Latest.Stage} step {StepLine.Progress(Latest).Trim()}";

    /// <summary>Mean score of an objective over the steps.</summary>
    public Series Scores(string objective) => series.TryGetValue(objective, out var one) ? one.Score : new Series();

    /// <summary>Covariance of an objective with the training signal over the steps.</summary>
    public Series Covariances(string objective) => series.TryGetValue(objective, out var one) ? one.Covariance : new Series();

    public void Apply(JobActivity? activity) => (Now, nowAt) = (activity, Stopwatch.GetTimestamp());

    public void Apply(JobEvent happened)
    {
        switch (happened.Kind)
        {
            case JobEventKind.SupervisedStep or JobEventKind.Step when JobMetrics.Parse(happened.Json) is { } metrics:
                if (Latest is not null && Latest.Stage != metrics.Stage) { stepSeconds.Clear(); }
                Latest = metrics;
                Activity = null;
                Remember(metrics);
                break;
            case JobEventKind.Message:
                Activity = MessageOf(happened);
                break;
            case JobEventKind.Summary:
                Summary = RunSummary.Parse(happened.Json);
                break;
        }
    }

    /// <summary>The text of a message or warning; null if the event has none.</summary>
    public static string? MessageOf(JobEvent happened) => StringIn(happened, "message");

    /// <summary>The path in a checkpoint's event; null if it has none.</summary>
    public static string? PathOf(JobEvent happened) => StringIn(happened, "path");

    private void Remember(JobMetrics metrics)
    {
        if (metrics["time/step_s"] is { } seconds)
        {
            stepSeconds.Enqueue(seconds);
            if (stepSeconds.Count > StepsAveraged) { stepSeconds.Dequeue(); }
        }

        if (metrics["interference/events"] is { } events)
        {
            StepsMeasured++;
            if (events > 0) { StepsWithInterference++; }
            if (metrics.Interference is [.., var last]) { LastInterference = (metrics.Step, last.Loser, last.Winner); }
        }

        foreach (string objective in metrics.Objectives)
        {
            if (!series.TryGetValue(objective, out var kept)) { series[objective] = kept = (new Series(), new Series()); }
            if (metrics[$"objective/{objective}/mean"] is { } score) { kept.Score.Add(score); }
            if (metrics[$"covariance/{objective}"] is { } covariance) { kept.Covariance.Add(covariance); }
            if (metrics[$"validation/{objective}/mean"] is { } mean) { heldOut[objective] = mean; }
        }
    }

    private static string? StringIn(JobEvent happened, string name)
    {
        try
        {
            using var document = JsonDocument.Parse(happened.Json);
            return document.RootElement.ValueKind == JsonValueKind.Object
                && document.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
