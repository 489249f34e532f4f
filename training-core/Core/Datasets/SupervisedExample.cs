namespace Ctwa.Training.Datasets;

/// <summary>A prompt and the response to imitate; the trainer adds the end-of-text token.</summary>
public sealed record SupervisedExample(string Prompt, string Response)
{
    /// <summary>The conversation before the response, if the data holds one (a list of role and content); empty: the prompt is a plain text.</summary>
    public IReadOnlyList<ChatMessage> Messages { get; init; } = [];
}
