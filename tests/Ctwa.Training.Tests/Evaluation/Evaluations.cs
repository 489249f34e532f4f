using Ctwa.Training.Datasets;
using Ctwa.Training.Evaluation;

namespace Ctwa.Training.Tests.Evaluation;

/// <summary>Scored answers without a model.</summary>
internal static class Evaluations
{
    public static EvaluationSettings Settings(int samples) => new() { Seed = 3, Samples = samples, MaxNewTokens = 8, BootstrapDraws = 200 };

    /// <summary>A prompt whose answers have one score each and say a text.</summary>
    public static EvaluatedPrompt Prompt(long row, params (string Text, double? Score)[] answers) => Several(row, [.. answers.Select(answer => (answer.Text, (double?[])[answer.Score]))]);

    /// <summary>The same with a score per objective.</summary>
    public static EvaluatedPrompt Several(long row, params (string Text, double?[] Scores)[] answers) => new(
        new EvaluationPrompt(row, new PromptExample("?", "1"), [1]),
        [.. answers.Select(answer => new EvaluatedResponse(new GeneratedResponse(answer.Text, Math.Max(1, answer.Text.Length), answer.Text.Length > 0), answer.Scores, answer.Scores.All(score => score is not null)))]);
}
