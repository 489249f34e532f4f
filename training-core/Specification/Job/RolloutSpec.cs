using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>How completions are sampled during training. Scoring uses the same support and temperature.</summary>
public sealed record RolloutSpec
{
    [Description("Prompts per step.")]
    [Range(1, 1_000_000)]
    public int PromptsPerStep { get; init; } = 16;

    [Description("Completions per prompt; they stay together on one shard.")]
    [Range(1, 4096)]
    public int SamplesPerPrompt { get; init; } = 16;

    [Description("Longest completion in tokens.")]
    [Range(1, 1_048_576)]
    public int MaxNewTokens { get; init; } = 64;

    [Description("Sampling temperature; log-probabilities are those at this temperature.")]
    [Range(0.01, 100.0)]
    public double Temperature { get; init; } = 1.0;

    [Description("0 (default): the full vocabulary. Training with a truncated support is refused in this version.")]
    [Range(0, 1_048_576)]
    public int TopK { get; init; }

    [Description("1 (default): the full vocabulary. Training with top_p < 1 is refused.")]
    [Range(0.0, 1.0)]
    public double TopP { get; init; } = 1.0;
}

/// <summary>Division of a step's rollouts into optimizer updates.</summary>
public sealed record UpdateSpec
{
    [Description("Prompts per optimizer update; divides rollout.prompts_per_step. Default: all of them.")]
    [Range(1, 1_000_000)]
    public int? PromptsPerUpdate { get; init; }

    [Description("Passes over the step's rollouts.")]
    [Range(1, 100)]
    public int Epochs { get; init; } = 1;

    [Description("Completions per forward pass of one shard.")]
    [Range(1, 100_000)]
    public int MicroBatchSize { get; init; } = 64;

    [Description("Tokens per forward pass of one shard, in place of micro_batch_size: sequences are packed without padding and divided so that passes are nearly equal. At least data.max_prompt_tokens + rollout.max_new_tokens. Default: none.")]
    [Range(1, 100_000_000)]
    public int? MaxTokensPerMicroBatch { get; init; }

    [Description("How often micro-batches may be halved when device memory runs out. The run directory records where it happened, so that resuming repeats it.")]
    [Range(0, 16)]
    public int MicroBatchHalvings { get; init; } = 3;

    [Description("Keep only what enters a decoder block and compute the block again during back-propagation: much less memory for about a third more time.")]
    public bool RecomputeActivations { get; init; }

    [Description("Most logits (tokens x vocabulary) at once; more tokens are scored in chunks, and their logits computed again for the gradient.")]
    [Range(1L, 1L << 34)]
    public long MaxLogits { get; init; } = 1 << 25;
}

/// <summary>Logical shape of the computation (invariant I1): constants of the job, never core counts.</summary>
public sealed record GridSpec
{
    [Description("Logical shards: each owns a fixed part of every step's prompts.")]
    [Range(1, 65536)]
    public int Shards { get; init; } = 4;

    [Description("Ranges of the flat parameter vector, each with its own accumulator and optimizer state.")]
    [Range(1, 65536)]
    public int Slices { get; init; } = 2;

    [Description("Native threads of one compute lane. Changing it may change bits.")]
    [Range(1, 1024)]
    public int ThreadsPerShard { get; init; } = 1;

    [Description("Keep a second copy of every slice on another silo, so that the loss of one silo costs a step and not the steps since the last checkpoint. Never changes results.")]
    public bool Mirror { get; init; } = true;

    [Description("Generate a shard's answers a second time on another silo when they take this many times the median of the shards; the first result wins, both are the same. 0: never. Never changes results.")]
    [Range(0.0, 1000.0)]
    public double StragglerFactor { get; init; } = 4;
}

/// <summary>Length of the run, validation and checkpoints.</summary>
public sealed record ScheduleSpec
{
    [Description("Reinforcement-learning steps.")]
    [Range(0, 100_000_000)]
    public int Steps { get; init; } = 100;

    [Description("Validate every so many steps, and before the first and after the last; 0: never.")]
    [Range(0, 100_000_000)]
    public int ValidateEvery { get; init; } = 10;

    [Description("Prompts per validation: the first so many of data.validation.")]
    [Range(1, 1_000_000)]
    public int ValidationPrompts { get; init; } = 128;

    [Description("Completions per validation prompt.")]
    [Range(1, 1024)]
    public int ValidationSamples { get; init; } = 2;

    [Description("Sampling temperature of validation.")]
    [Range(0.01, 100.0)]
    public double ValidationTemperature { get; init; } = 1.0;

    [Description("Write a checkpoint every so many steps; the last step always has one.")]
    [Range(1, 100_000_000)]
    public int CheckpointEvery { get; init; } = 20;

    [Description("How many checkpoints to keep; older ones are deleted after a newer one is complete.")]
    [Range(1, 1_000_000)]
    public int Keep { get; init; } = 2;

    [Description("Write this many completions of every so many steps to samples/, and at each validation those to this many of its first prompts; see samples_every.")]
    [Range(0, 100_000)]
    public int SamplesKept { get; init; } = 8;

    [Description("Write samples every so many steps; 0: never, also not at validations.")]
    [Range(0, 100_000_000)]
    public int SamplesEvery { get; init; } = 10;
}
