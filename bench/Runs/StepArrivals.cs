using System.Text.Json;

namespace Ctwa.Bench.Runs;

/// <summary>A step's line in metrics.jsonl.</summary>
/// <param name="Stage"><c>supervised</c> or <c>rl</c>.</param>
/// <param name="Step">Number within the stage; 0: a measurement before the first step.</param>
/// <param name="Seconds">When the line was seen, since the process began.</param>
/// <param name="Times">What the line itself says: seconds by phase (<c>generate</c>, <c>update</c>, ...) and of the whole <c>step</c>.</param>
internal sealed record StepArrival(string Stage, int Step, double Seconds, IReadOnlyDictionary<string, double> Times);

/// <summary>
/// Lines of a growing metrics.jsonl and when each was seen. Unlike what the lines say themselves, the time from one to the next
/// holds everything that a step costs: the commit and what is done between steps too.
/// </summary>
internal sealed class StepArrivals
{
    private readonly List<StepArrival> _steps = [];

    public IReadOnlyList<StepArrival> Steps => _steps;

    /// <summary>Takes what the file has grown by.</summary>
    /// <param name="text">UTF-8, from where the last call ended.</param>
    /// <param name="seconds">Now.</param>
    /// <returns>Bytes that were taken: an incomplete last line is not.</returns>
    public int Add(ReadOnlySpan<byte> text, double seconds)
    {
        int taken = 0;
        while (text[taken..].IndexOf((byte)'\n') is var length and >= 0)
        {
            if (length > 0) { _steps.Add(Read(text.Slice(taken, length), seconds)); }
            taken += length + 1;
        }

        return taken;
    }

    /// <summary>Mean seconds of the steps of a stage behind one step, up to another.</summary>
    /// <param name="stage"><c>supervised</c> or <c>rl</c>.</param>
    /// <param name="after">The step whose line begins the time.</param>
    /// <param name="last">The step whose line ends it.</param>
    /// <exception cref="InvalidOperationException">One of the two has not been seen.</exception>
    public double SecondsPerStep(string stage, int after, int last) => (Of(stage, last).Seconds - Of(stage, after).Seconds) / (last - after);

    /// <summary>Mean seconds by phase over the same steps, as their lines say.</summary>
    public IReadOnlyDictionary<string, double> Phases(string stage, int after, int last) => _steps
        .Where(step => step.Stage == stage && step.Step > after && step.Step <= last)
        .SelectMany(step => step.Times)
        .GroupBy(time => time.Key)
        .ToDictionary(group => group.Key, group => group.Sum(time => time.Value) / (last - after));

    private StepArrival Of(string stage, int number) => _steps.FirstOrDefault(step => step.Stage == stage && step.Step == number)
        ?? throw new InvalidOperationException(FormattableString.Invariant($"step {number} of the stage '{stage}' is not among the {_steps.Count} lines of metrics.jsonl; the run must do at least so many steps."));

    private static StepArrival Read(ReadOnlySpan<byte> line, double seconds)
    {
        const string Prefix = "time/", Suffix = "_s";
        var reader = new Utf8JsonReader(line);
        using var document = JsonDocument.ParseValue(ref reader);
        var root = document.RootElement;
        return new StepArrival(
            root.GetProperty("stage").GetString()!,
            root.GetProperty("step").GetInt32(),
            seconds,
            root.EnumerateObject().Where(entry => entry.Name.StartsWith(Prefix, StringComparison.Ordinal) && entry.Name.EndsWith(Suffix, StringComparison.Ordinal)).ToDictionary(entry => entry.Name[Prefix.Length..^Suffix.Length], entry => entry.Value.GetDouble()));
    }
}
