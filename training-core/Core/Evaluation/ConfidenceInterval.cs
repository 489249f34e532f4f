namespace Ctwa.Training.Evaluation;

/// <summary>Where a mean over prompts lies, had other prompts of the same kind been drawn.</summary>
public readonly record struct ConfidenceInterval(double Low, double High);
