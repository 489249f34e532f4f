using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Output;

/// <summary>What is known of a job from its events so far. Not safe for several threads.</summary>
internal sealed class RunState
{
    // Long enough to average a validation in, short enough to follow a policy whose responses shrink.
    private const int StepsAveraged = 20;
    private readonly Queue<double> stepSeconds = new();
    private readonly Dictionary<string, double> heldOut = new(StringComparer.Ordinal);

    /// <summary>The latest step of either stage.</summary>
    public JobMetrics? Latest { get; private set; }

    /// <summary>What the job says that it does now.</summary>
    public string? Activity { get; private set; }

    public RunSummary? Summary { get; private set; }

    /// <summary>The newest held-out mean of each objective: validation runs only now and then.</summary>
    public IReadOnlyDictionary<string, double> HeldOut => heldOut;

    /// <summary>Estimated seconds to the end of this stage; null if unknown, or when there is none.</summary>
    public double? SecondsLeft =>
        Latest is { StepsTotal: { } total } && Latest.Step < total && stepSeconds.Count > 0 ? stepSeconds.Average() * (total - Latest.Step) : null;

    /// <summary>The latest step for a message, such as <c>rl step 12/100</c>; null before the first.</summary>
    public string? LastStep => Latest is null ? null : $"{Latest.Stage} step {StepLine.Progress(Latest).Trim()}";

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

        foreach (string objective in metrics.Objectives)
        {
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
