using Ctwa.Training.Datasets;

namespace Ctwa.Training.Evaluation;

/// <summary>A prompt of an evaluation, encoded for one model.</summary>
/// <param name="Row">Row of the data, from 0; with the sample index it identifies the random numbers, so that leaving rows out changes no other row's.</param>
/// <param name="Example">Text and expected answer.</param>
/// <param name="Tokens">Token ids, at least one.</param>
public sealed record EvaluationPrompt(long Row, PromptExample Example, int[] Tokens);

/// <summary>One answer of the model before it is scored.</summary>
/// <param name="Text">Without special tokens.</param>
/// <param name="Length">Tokens, the stop token included.</param>
/// <param name="Stopped">It ended with a stop token, not at the length limit.</param>
public sealed record GeneratedResponse(string Text, int Length, bool Stopped);

/// <summary>One scored answer.</summary>
/// <param name="Response">The answer.</param>
/// <param name="Scores">One per objective, shape [M]; null where its reward failed and nothing takes the score's place.</param>
/// <param name="Valid">No objective drops it.</param>
public sealed record EvaluatedResponse(GeneratedResponse Response, double?[] Scores, bool Valid);

/// <summary>A prompt with its scored answers, in order of the sample index.</summary>
public sealed record EvaluatedPrompt(EvaluationPrompt Prompt, IReadOnlyList<EvaluatedResponse> Responses)
{
    /// <summary>Answers that no objective drops.</summary>
    public IEnumerable<EvaluatedResponse> Valid => Responses.Where(response => response.Valid);
}
