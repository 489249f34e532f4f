using Ctwa.Training.Models;
using Ctwa.Training.Rollouts;

namespace Ctwa.Training.Evaluation;

/// <summary>Answers of a model to many prompts, batch by batch in the prompts' order.</summary>
public static class ResponseGeneration
{
    /// <summary>Generates <see cref="EvaluationSettings.Samples"/> answers per prompt, as they are asked for.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Encoded for it, each short enough for its positions.</param>
    /// <param name="settings">Sampling and the composition of batches.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <returns>One list of answers per prompt, in the prompts' order.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<GeneratedResponse[]> Generate(LoadedModel model, IReadOnlyList<EvaluationPrompt> prompts, EvaluationSettings settings, CancellationToken cancellationToken)
    {
        var engine = new RolloutEngine(model.Policy, model.Device);
        var sampling = settings.For(model.Description);
        foreach (var batch in prompts.Chunk(settings.PromptsPerBatch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var completions = engine.Generate([.. batch.Select(prompt => new EncodedPrompt(checked((int)prompt.Row), prompt.Row, prompt.Tokens))], sampling);
            foreach (var answers in completions.Chunk(settings.Samples))
            {
                yield return [.. answers.Select(answer => new GeneratedResponse(model.Description.Decode(answer.Tokens), answer.Tokens.Length, answer.Stopped))];
            }
        }
    }
}
