namespace Ctwa.Training.Datasets;

/// <summary>A prompt and the response to imitate; the trainer adds the end-of-text token.</summary>
public sealed record SupervisedExample(string Prompt, string Response);
