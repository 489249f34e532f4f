using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ctwa.Client.Output;

/// <summary>The closing summary of a run, as in its summary.json. What is missing is null and not shown.</summary>
internal sealed record RunSummary
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public IReadOnlyList<ObjectiveChange> Objectives { get; init; } = [];

    /// <summary>Mean response length in tokens on held-out problems.</summary>
    public LengthChange? Length { get; init; }

    public IReadOnlyList<Interference> Interference { get; init; } = [];

    public int? HeldOutSamples { get; init; }

    public int? Steps { get; init; }

    public double? Seconds { get; init; }

    public string? RunDirectory { get; init; }

    public string? Checkpoint { get; init; }

    public string? ModelSha256 { get; init; }

    /// <summary>Most memory that the silo's process had in use, in bytes.</summary>
    public long? PeakMemoryBytes { get; init; }

    /// <summary>What <c>--dry-run</c> says that the job needs, in bytes.</summary>
    public long? EstimatedMemoryBytes { get; init; }

    /// <summary>Volume of scores that a held-out result dominates, before and after.</summary>
    public ValueChange? Hypervolume { get; init; }

    /// <summary>Change of the objective that gained least, or lost most.</summary>
    public double? WorstObjectiveGain { get; init; }

    /// <summary>Share of measured steps in which one objective fell while the training signal rose.</summary>
    public double? InterferenceRate { get; init; }

    /// <summary>What reinforcement learning cost.</summary>
    public PassCounts? Cost { get; init; }

    /// <summary>One sentence.</summary>
    public string? Verdict { get; init; }

    /// <returns>Null if the text is not a summary.</returns>
    public static RunSummary? Parse(string json)
    {
        try { return JsonSerializer.Deserialize<RunSummary>(json, Json); }
        catch (JsonException) { return null; }
    }
}

/// <summary>Mean score of an objective on held-out problems, with standard errors.</summary>
/// <param name="Verdict"><c>rose</c>, <c>fell</c> or <c>stalled</c>.</param>
internal sealed record ObjectiveChange(string Name, double? Before, double? BeforeSe, double? After, double? AfterSe, string? Verdict);

/// <summary>Mean response length in tokens.</summary>
internal sealed record LengthChange(double? Before, double? After);

/// <summary>A number before the first step of reinforcement learning and after the last.</summary>
internal sealed record ValueChange(double? Before, double? After);

/// <summary>Passes over the completions of a step, summed over the steps.</summary>
internal sealed record PassCounts(double? ForwardPasses, double? BackwardPasses);

/// <summary>One objective paid for another: how both moved and their covariances with the training signal.</summary>
internal sealed record Interference(
    string Payer, string Gainer, double? PayerDelta, double? GainerDelta, double? PayerCovariance, double? GainerCovariance, string? Text);
