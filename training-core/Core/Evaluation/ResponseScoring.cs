using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Evaluation;

/// <summary>Prompts with scored answers, and what failed on the way.</summary>
/// <param name="Prompts">In the order of the evaluation.</param>
/// <param name="Columns">Per objective its scores after its failure policy, over all answers in order.</param>
public sealed record ScoredEvaluation(IReadOnlyList<EvaluatedPrompt> Prompts, IReadOnlyList<ObjectiveScores> Columns);

/// <summary>Scores answers on every objective with its retries and failure policy, as training does.</summary>
public static class ResponseScoring
{
    /// <param name="objectives">The objectives.</param>
    /// <param name="ask">Asks the rewards about completions: attempts per objective and completion.</param>
    /// <param name="prompts">Of the evaluation.</param>
    /// <param name="responses">Shape [prompts][samples].</param>
    /// <param name="context">Yardsticks of rewards that have one.</param>
    /// <param name="cancellationToken">Ends the scoring.</param>
    /// <exception cref="RewardFailureException">A score failed and its objective's policy is fail.</exception>
    public static async Task<ScoredEvaluation> ScoreAsync(
        IReadOnlyList<ObjectiveSpec> objectives, Func<IReadOnlyList<ScoredCompletion>, RewardContext, CancellationToken, Task<ScoreAttempt[][]>> ask, IReadOnlyList<EvaluationPrompt> prompts, GeneratedResponse[][] responses, RewardContext context, CancellationToken cancellationToken)
    {
        ScoredCompletion[] completions = [.. prompts.SelectMany((prompt, p) => responses[p].Select(response => new ScoredCompletion(prompt.Example.Prompt, response.Text, response.Length, prompt.Example.GroundTruth)))];
        var attempts = await ask(completions, context, cancellationToken);
        ObjectiveScores[] columns = [.. attempts.Select((column, j) => ObjectiveScores.Resolve(objectives[j], column))];
        var (scores, valid) = ObjectiveScores.Join(columns);
        var scored = new EvaluatedPrompt[prompts.Count];
        for (int p = 0, at = 0; p < prompts.Count; p++)
        {
            scored[p] = new EvaluatedPrompt(prompts[p], [.. responses[p].Select(response =>
            {
                int b = at++;
                return new EvaluatedResponse(response, [.. columns.Select((column, j) => column.Valid[b] ? scores[b, j] : (double?)null)], valid[b]);
            })]);
        }

        return new ScoredEvaluation(scored, columns);
    }
}
