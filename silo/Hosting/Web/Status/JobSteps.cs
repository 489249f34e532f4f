using System.Text.Json;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>A number as its run wrote it, and its value for drawing.</summary>
/// <param name="Text">Exactly the text of metrics.jsonl.</param>
internal readonly record struct MetricNumber(string Text, double Value);

/// <summary>What the page shows of one line of metrics.jsonl.</summary>
/// <param name="Position">Stage and step.</param>
/// <param name="Means">Mean score by objective; in supervised steps the loss under <see cref="JobSteps.Loss"/>.</param>
/// <param name="Weights">Weight by objective.</param>
/// <param name="Seconds">Time of the step.</param>
/// <param name="TokensPerSecond">Response tokens of the step per second.</param>
/// <param name="Interference">Objectives that fell while the signal rose; null: not measured in this step.</param>
/// <param name="Pairs">Who fell, and who gained.</param>
internal sealed record StepNumbers(
    JobPosition Position,
    IReadOnlyDictionary<string, MetricNumber> Means,
    IReadOnlyDictionary<string, MetricNumber> Weights,
    MetricNumber? Seconds,
    MetricNumber? TokensPerSecond,
    MetricNumber? Interference,
    IReadOnlyList<(string Payer, string Gainer)> Pairs);

/// <summary>The last steps of a job, read from pages of its metrics. Not safe for several threads.</summary>
internal sealed class JobSteps
{
    /// <summary>Steps that are kept; older ones are in the run's files and in a report.</summary>
    public const int Window = 240;

    /// <summary>Objectives that are shown; a job may have more.</summary>
    public const int MostObjectives = 16;

    /// <summary>Stands for the objective of the supervised stage.</summary>
    public const string Loss = "loss";

    private const string Before = "objective/", After = "/mean";

    private readonly LinkedList<StepNumbers> _steps = [];
    private readonly LinkedList<StepNumbers> _interference = [];

    /// <summary>The newest step that was read; null: none.</summary>
    public JobPosition? Last => _steps.Last?.Value.Position;

    /// <summary>The steps so far, oldest first.</summary>
    public IReadOnlyList<StepNumbers> Steps => [.. _steps];

    /// <summary>The last steps in which objectives fell while the signal rose, oldest first; at most ten.</summary>
    public IReadOnlyList<StepNumbers> Interference => [.. _interference];

    /// <summary>Adds a line; one that is not understood, or that is known, is passed over.</summary>
    public void Add(string line)
    {
        if (Parse(line) is not { } step || !step.Position.IsAfter(Last)) { return; }
        // The supervised loss is no objective of the stage that follows.
        if (Last is { Supervised: true } && !step.Position.Supervised) { _steps.Clear(); }
        _steps.AddLast(step);
        if (_steps.Count > Window) { _steps.RemoveFirst(); }
        if (step.Interference is not { Value: > 0 }) { return; }
        _interference.AddLast(step);
        if (_interference.Count > 10) { _interference.RemoveFirst(); }
    }

    /// <summary>Where to begin to read a job's metrics, so that the window is full and no more is read.</summary>
    public static JobPosition? Start(JobPosition? newest) => newest switch
    {
        null => null,
        { Supervised: true } at => new JobPosition(true, Math.Max(0, at.Step - Window)),
        { } at => new JobPosition(false, Math.Max(-1, at.Step - Window)),
    };

    /// <returns>Null: it is no line of metrics.</returns>
    internal static StepNumbers? Parse(string line)
    {
        try
        {
            using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = 4 });
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("stage", out var stage) || stage.ValueKind != JsonValueKind.String
                || !root.TryGetProperty("step", out var number) || number.ValueKind != JsonValueKind.Number || !number.TryGetInt32(out int step)) { return null; }
            var means = new Dictionary<string, MetricNumber>(StringComparer.Ordinal);
            bool supervised = stage.ValueEquals("supervised");
            if (supervised)
            {
                if (Number(root, "loss/supervised") is { } loss) { means[Loss] = loss; }
            }
            else
            {
                // Line 0 has the validation before the first step and no training scores.
                foreach (var property in root.EnumerateObject())
                {
                    if (means.Count == MostObjectives) { break; }
                    if (property.Name.StartsWith(Before, StringComparison.Ordinal) && property.Name.EndsWith(After, StringComparison.Ordinal) && property.Name.Length > Before.Length + After.Length && Number(property.Value) is { } mean)
                    {
                        means[property.Name[Before.Length..^After.Length]] = mean;
                    }
                }
            }

            var weights = means.Keys.Select(name => (name, Number(root, "weight/" + name))).Where(pair => pair.Item2 is not null).ToDictionary(pair => pair.name, pair => pair.Item2!.Value, StringComparer.Ordinal);
            (string, string)[] pairs = [.. from payer in means.Keys from gainer in means.Keys where Number(root, $"interference/pair/{payer}/{gainer}") is { Value: 1 } select (payer, gainer)];
            return new StepNumbers(new JobPosition(supervised, step), means, weights, Number(root, "time/step_s"), Number(root, "throughput/tokens_per_s"), Number(root, "interference/events"), pairs);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static MetricNumber? Number(JsonElement root, string name) => root.TryGetProperty(name, out var value) ? Number(value) : null;

    private static MetricNumber? Number(JsonElement value) => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) && double.IsFinite(number) ? new MetricNumber(value.GetRawText(), number) : null;
}
