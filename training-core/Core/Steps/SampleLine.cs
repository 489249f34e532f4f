using System.Text.Json.Nodes;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>One line of a file of samples/: a flat JSON object. The names are documented in docs/metrics.md.</summary>
internal static class SampleLine
{
    /// <param name="step">Step of reinforcement learning.</param>
    /// <param name="text">The completion.</param>
    /// <param name="scores">Of its rollout, shape [B, M].</param>
    /// <param name="samplesPerPrompt">Completions per prompt of the rollout.</param>
    public static JsonObject Of(int step, CompletionText text, IReadOnlyList<ObjectiveSpec> objectives, ScoredRollout scores, int samplesPerPrompt)
    {
        var line = new JsonObject { ["step"] = step, ["prompt"] = text.PromptText, ["response"] = text.Response, ["ground_truth"] = text.GroundTruth };
        int row = text.Prompt * samplesPerPrompt + text.Sample;
        for (int j = 0; j < objectives.Count; j++) { line["score/" + objectives[j].Name] = scores.Scores[row, j]; }
        if (!scores.Valid[row]) { line["dropped"] = true; }
        return line;
    }
}
