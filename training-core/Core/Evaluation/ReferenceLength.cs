using System.Text.Json;
using Ctwa.Training.Models;
using Ctwa.Training.Rewards;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Evaluation;

/// <summary>The length that <c>conciseness</c> compares answers with in an evaluation, and where it comes from.</summary>
/// <param name="Tokens">Response tokens; NaN: every answer counts as short (reference mode without a run).</param>
/// <param name="Source">For people.</param>
public sealed record ReferenceLength(double Tokens, string Source)
{
    /// <summary>
    /// The length asked for; else, on a run's own held-out prompts, the yardstick of its validations; else the mean length of the
    /// baseline's answers; else that of the answers themselves, with which no other evaluation can be compared.
    /// </summary>
    /// <param name="given">Asked for by the user.</param>
    /// <param name="state">Of the run, if the prompts are its held-out ones.</param>
    /// <param name="objectives">They hold the settings of conciseness.</param>
    /// <param name="baseline">Lengths of the baseline's answers; null without one.</param>
    /// <param name="own">Lengths of the answers.</param>
    public static ReferenceLength Of(double? given, TrainingRunState? state, IReadOnlyList<ObjectiveSpec> objectives, int[]? baseline, int[] own)
    {
        if (given is { } asked) { return new(asked, "as given"); }
        var lengths = state?.Lengths ?? ResponseLengthStatistics.Start(objectives);
        if (lengths.Mode == MethodMode.Reference) { return new(lengths.ValidationThresholdFor(own, null), "mode: reference, the run's last training threshold"); }
        if (state?.Test is { } before) { return new(lengths.ValidationThresholdFor(own, before.MeanLength), "mean before the run's first step"); }
        return baseline is not null
            ? new(lengths.ValidationThresholdFor(baseline, null), "mean of the baseline's answers")
            : new(lengths.ValidationThresholdFor(own, null), "mean of these answers; no other evaluation can be compared with it");
    }

    /// <summary>The state beside a checkpoint's weights; null for other models, and where another version of this program wrote it.</summary>
    public static TrainingRunState? StateOf(ModelLocation location)
    {
        string path = Path.Combine(location.Folder, "state.json");
        if (location.Run is null || !File.Exists(path)) { return null; }
        try { return JsonSerializer.Deserialize<TrainingRunState>(File.ReadAllBytes(path), StateJson.Options) is { Version: TrainingRunState.CurrentVersion } state ? state : null; }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException) { return null; }
    }
}
