using Ctwa.Training.Models;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;

namespace Ctwa.Training.Evaluation;

/// <summary>
/// How a model is evaluated. With the model, the prompts and the number of native threads it fixes every bit of the result:
/// the draws are by counter, and the composition of the batches, on which the last bits of logits may depend, is part of it.
/// </summary>
public sealed record EvaluationSettings
{
    /// <summary>Seed of draws, bootstrap and test.</summary>
    public required long Seed { get; init; }

    /// <summary>Answers per prompt, at least 1.</summary>
    public required int Samples { get; init; }

    /// <summary>Longest answer in tokens.</summary>
    public required int MaxNewTokens { get; init; }

    /// <summary>0 takes the likeliest token.</summary>
    public double Temperature { get; init; } = 1;

    /// <summary>0: all tokens.</summary>
    public int TopK { get; init; }

    /// <summary>1: all tokens.</summary>
    public double TopP { get; init; } = 1;

    /// <summary>Answers generated together; whole prompts, at least one.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Resampled sets of prompts of an interval.</summary>
    public int BootstrapDraws { get; init; } = 1000;

    /// <summary>Share of the resampled means inside an interval.</summary>
    public double Level { get; init; } = 0.95;

    /// <summary>Prompts of a batch; the last may have fewer.</summary>
    public int PromptsPerBatch => Math.Max(1, BatchSize / Samples);

    /// <summary>The engine's settings for a model.</summary>
    public SamplingSettings For(ModelDescription model) => new()
    {
        Seed = Seed,
        Purpose = RandomPurpose.Test,
        Step = 0,
        Temperature = Temperature,
        TopK = TopK,
        TopP = TopP,
        MaxNewTokens = MaxNewTokens,
        SamplesPerPrompt = Samples,
        StopTokens = model.StopTokens,
    };
}
