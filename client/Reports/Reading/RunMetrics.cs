using System.Globalization;
using System.Text.Json;
using Ctwa.Training.Tracking;

namespace Ctwa.Client.Reports.Reading;

/// <summary>A run's metrics.jsonl in memory: what docs/metrics.md documents, and whatever else a line holds.</summary>
internal sealed class RunMetrics
{
    /// <summary>Distinct metrics of a stage; 8 objectives have about 300.</summary>
    public const int MostNames = 4096;

    /// <summary>Bytes of the file.</summary>
    public const long LargestFile = 2L * 1024 * 1024 * 1024;

    public StageMetrics Supervised { get; } = new();

    public StageMetrics Rl { get; } = new();

    /// <summary>Bytes after the last complete line: it is being written, or a crash cut it short.</summary>
    public long TornBytes { get; private set; }

    /// <summary>Reads the file.</summary>
    /// <param name="shown">Its name for messages.</param>
    /// <exception cref="CommandFailure">It cannot be read, or a line is damaged.</exception>
    public static RunMetrics Read(string path, string shown)
    {
        var metrics = new RunMetrics();
        var tail = new MetricsTail(path);
        int number = 0;
        try
        {
            if (new FileInfo(path) is { Exists: true, Length: > LargestFile }) { throw new CommandFailure(ExitCodes.BadInput, $"{shown} is larger than {LargestFile / (1024 * 1024 * 1024)} GiB; a report is made of smaller runs."); }
            foreach (var line in tail.ReadLines())
            {
                number++;
                if (line.Span.Trim(" \t\r"u8).IsEmpty) { continue; }
                if (metrics.Add(line.Span) is { } wrong)
                {
                    throw new CommandFailure(ExitCodes.BadInput, string.Create(CultureInfo.InvariantCulture, $"{shown}, line {number}: {wrong}. The file is damaged there; a resume of the run mends it (it drops such lines and does their steps again), or delete the line."));
                }
            }
        }
        catch (InvalidDataException e) { throw new CommandFailure(ExitCodes.BadInput, e.Message); }

        metrics.TornBytes = tail.TornBytes;
        return metrics;
    }

    /// <returns>Null, or what is wrong with the line.</returns>
    private string? Add(ReadOnlySpan<byte> line)
    {
        var numbers = new List<(string Name, double Value)>();
        string? stage = null;
        int? step = null, total = null;
        try
        {
            var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = 8 });
            reader.Read();
            if (reader.TokenType != JsonTokenType.StartObject) { return "it is no JSON object"; }
            while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
            {
                string name = reader.GetString()!;
                reader.Read();
                if (name == "stage" && reader.TokenType == JsonTokenType.String) { stage = reader.GetString(); }
                else if (reader.TokenType == JsonTokenType.Number && reader.TryGetDouble(out double value) && double.IsFinite(value))
                {
                    if (name == "step") { step = reader.TryGetInt32(out int whole) ? whole : null; }
                    else if (name == "steps_total") { total = reader.TryGetInt32(out int whole) ? whole : null; }
                    else { numbers.Add((name, value)); }
                }

                reader.Skip();
            }

            // Throws if anything follows the object.
            reader.Read();
        }
        catch (JsonException e)
        {
            return $"it is no complete JSON ({e.Message.Split('.')[0]})";
        }
        catch (InvalidOperationException)
        {
            return "a name in it is no valid text";
        }

        if (stage is not ("rl" or "supervised") || step is not >= 0) { return "it lacks \"stage\" (rl or supervised) or \"step\" (0, 1, ...)"; }
        var metrics = stage == "rl" ? Rl : Supervised;
        if (metrics.Steps.Count > 0 && step <= metrics.LastStep) { return FormattableString.Invariant($"{stage} step {step} follows step {metrics.LastStep}"); }
        metrics.Begin(step.Value);
        metrics.StepsTotal = total ?? metrics.StepsTotal;
        foreach (var (name, value) in numbers)
        {
            // A name that a line has twice keeps its first value.
            if (metrics[name] is { } series && series.Count > 0 && series.Steps[^1] == step) { continue; }
            if (!metrics.Add(name, value, MostNames)) { return FormattableString.Invariant($"there are more than {MostNames} names of metrics"); }
        }

        return null;
    }
}
