namespace Ctwa.Training.Evaluation;

/// <summary>Two evaluations of the same prompts with the same random numbers, side by side.</summary>
/// <param name="Rows">One per objective, then response length.</param>
/// <param name="Prompts">Prompts that both have a valid answer to.</param>
public sealed record BaselineComparison(IReadOnlyList<PairedComparison> Rows, int Prompts)
{
    /// <param name="objectives">Their names.</param>
    /// <param name="model">Scored answers of the model.</param>
    /// <param name="baseline">Those of the baseline to the same prompts in the same order.</param>
    /// <param name="settings">Of both.</param>
    /// <exception cref="InvalidDataException">No prompt has a valid answer of both.</exception>
    public static BaselineComparison Of(IReadOnlyList<string> objectives, IReadOnlyList<EvaluatedPrompt> model, IReadOnlyList<EvaluatedPrompt> baseline, EvaluationSettings settings)
    {
        (EvaluatedPrompt Ours, EvaluatedPrompt Theirs)[] pairs = [.. model.Zip(baseline).Where(pair => pair.First.Valid.Any() && pair.Second.Valid.Any())];
        if (pairs.Length == 0) { throw new InvalidDataException("no prompt has a scored answer of both models, so they cannot be compared; mend the reward that drops them, or use on_failure: substitute."); }
        PairedComparison Compare(string name, Func<EvaluatedPrompt, double> number) =>
            PairedComparison.Of(name, [.. pairs.Select(pair => number(pair.Ours))], [.. pairs.Select(pair => number(pair.Theirs))], settings);
        return new BaselineComparison(
            [
                .. objectives.Select((name, j) => Compare(name, prompt => prompt.Valid.Average(response => response.Scores[j]!.Value))),
                Compare("response length", prompt => prompt.Responses.Average(response => (double)response.Response.Length)),
            ],
            pairs.Length);
    }
}
