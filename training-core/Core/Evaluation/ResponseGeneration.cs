using Ctwa.Training.Models;
using Ctwa.Training.Rollouts;

namespace Ctwa.Training.Evaluation;

/// <summary>Answers of a model to many prompts, batch by batch in the prompts' order.</summary>
public static class ResponseGeneration
{
    /// <summary>Generates <see cref="EvaluationSettings.Samples"/> answers per prompt. Runs on the calling thread.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Encoded for it, each short enough for its positions.</param>
    /// <param name="settings">Sampling and the composition of batches.</param>
    /// <param name="progress">Called after each batch with the prompts and tokens done so far.</param>
    /// <param name="cancellationToken">Looked at between batches.</param>
    /// <returns>Shape [prompts][samples].</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static GeneratedResponse[][] Generate(LoadedModel model, IReadOnlyList<EvaluationPrompt> prompts, EvaluationSettings settings, Action<int, long> progress, CancellationToken cancellationToken)
    {
        var engine = new RolloutEngine(model.Policy, model.Device);
        var sampling = settings.For(model.Description);
        var responses = new GeneratedResponse[prompts.Count][];
        long tokens = 0;
        int done = 0;
        foreach (var batch in prompts.Chunk(settings.PromptsPerBatch))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var completions = engine.Generate([.. batch.Select(prompt => new EncodedPrompt(checked((int)prompt.Row), prompt.Row, prompt.Tokens))], sampling);
            foreach (var answers in completions.Chunk(settings.Samples))
            {
                responses[done++] = [.. answers.Select(answer => new GeneratedResponse(model.Description.Decode(answer.Tokens), answer.Tokens.Length, answer.Stopped))];
                tokens += answers.Sum(answer => (long)answer.Tokens.Length);
            }

            progress(done, tokens);
        }

        return responses;
    }
}
