namespace Ctwa.Training.Rollouts;

/// <summary>A prompt of a step, encoded.</summary>
/// <param name="StepIndex">Index within the step; with the sample index it identifies a completion, wherever it is computed.</param>
/// <param name="DatasetIndex">Row of the data set.</param>
/// <param name="Tokens">Token ids, at least one.</param>
public sealed record EncodedPrompt(int StepIndex, long DatasetIndex, int[] Tokens);

/// <summary>One sampled response.</summary>
/// <param name="Prompt">The prompt it answers.</param>
/// <param name="Sample">Index among the prompt's samples.</param>
/// <param name="Tokens">Response ids, the stop token included if it was reached; shape [L], L ≥ 1.</param>
/// <param name="LogProbabilities">Log-probability of each token at the sampling temperature, as the sampler saw it; shape [L].</param>
/// <param name="Stopped">A stop token was reached; otherwise the length limit.</param>
public sealed record Completion(EncodedPrompt Prompt, int Sample, int[] Tokens, float[] LogProbabilities, bool Stopped)
{
    /// <summary>What its shard measured of its tokens before the step's updates; null where the job needs nothing of it.</summary>
    public TokenSignals? Signals { get; init; }
}

/// <summary>How completions are drawn.</summary>
public sealed record SamplingSettings
{
    /// <summary>Seed of the job.</summary>
    public required long Seed { get; init; }

    /// <summary>Keeps draws for training, validation and test apart.</summary>
    public required Randomness.RandomPurpose Purpose { get; init; }

    /// <summary>Step that the draws belong to.</summary>
    public required long Step { get; init; }

    /// <summary>Temperature; 0 takes the likeliest token.</summary>
    public required double Temperature { get; init; }

    /// <summary>Longest response.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>Completions per prompt.</summary>
    public required int SamplesPerPrompt { get; init; }

    /// <summary>Tokens that end a response.</summary>
    public required IReadOnlyList<int> StopTokens { get; init; }

    /// <summary>Draw from the so many likeliest tokens; 0: from all. For evaluation only: scoring in training uses the full support.</summary>
    public int TopK { get; init; }

    /// <summary>Draw from the likeliest tokens that hold this probability together; 1: from all. For evaluation only, like <see cref="TopK"/>.</summary>
    public double TopP { get; init; } = 1.0;
}
