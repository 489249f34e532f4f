using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;

namespace Ctwa.Training.Specification;

/// <summary>Where prompts and ground truths come from.</summary>
public sealed record DataSpec
{
    [Description("Prompts to train on.")]
    public required DataSourceSpec Train { get; init; }

    [Description("Held-out prompts measured every schedule.validate_every steps; never trained on.")]
    public DataSourceSpec? Validation { get; init; }

    [Description("Held-out prompts measured once at the end; default: the validation prompts.")]
    public DataSourceSpec? Test { get; init; }

    [Description("Longest prompt in tokens.")]
    [Range(1, 1048576)]
    public int MaxPromptTokens { get; init; } = 1024;

    [Description("error (default): longer prompts stop the job before training, which lists them; drop: they are left out and counted.")]
    public OverlongPolicy Overlong { get; init; } = OverlongPolicy.Error;

    [Description("auto (default): prompts that are lists of messages are rendered with the model's chat template, plain texts stay as they are; always: a plain text becomes one user message; never: a list's contents are joined by blank lines.")]
    public ChatMode Chat { get; init; } = ChatMode.Auto;

    [Description("Variables of the chat template, such as enable_thinking: false.")]
    public IReadOnlyDictionary<string, JsonElement> ChatOptions { get; init; } = new Dictionary<string, JsonElement>();
}

/// <summary>Which prompts are rendered with the model's chat template.</summary>
public enum ChatMode { Auto, Always, Never }

/// <summary>What happens to a prompt longer than <see cref="DataSpec.MaxPromptTokens"/>.</summary>
public enum OverlongPolicy { Error, Drop }

/// <summary>Tasks this build can generate.</summary>
public enum BuiltInTask
{
    /// <summary>Chained arithmetic modulo 10, answers in <c>\boxed{}</c>.</summary>
    Arithmetic,
}

/// <summary>A data set: exactly one of <see cref="Task"/> and <see cref="Path"/>.</summary>
public sealed record DataSourceSpec
{
    [Description("A built-in generated task.")]
    public BuiltInTask? Task { get; init; }

    [Description("A JSONL file (one object per line) or a parquet file; docs/data.md describes both.")]
    public string? Path { get; init; }

    [Description("Column with the prompt: a text, or a list of turns with role and content. A dotted path leads into structs, such as extra_info.question.")]
    public string PromptField { get; init; } = "prompt";

    [Description("Column with the ground truth (reinforcement learning) or the response to imitate (supervised). A dotted path leads into structs, such as reward_model.ground_truth.")]
    public string AnswerField { get; init; } = "answer";

    [Description("Task: how many different problems; file: use only the first so many rows.")]
    [Range(1, 100_000_000)]
    public int? Count { get; init; }

    [Description("Task: fewest terms of a chain.")]
    [Range(2, 16)]
    public int MinTerms { get; init; } = 4;

    [Description("Task: most terms of a chain.")]
    [Range(2, 16)]
    public int MaxTerms { get; init; } = 5;
}

/// <summary>A supervised stage: teacher-forced cross-entropy on responses.</summary>
public sealed record SupervisedSpec
{
    [Description("Prompts and responses to imitate; default: the job's data.train.")]
    public DataSourceSpec? Data { get; init; }

    [Description("Optimizer steps.")]
    [Range(1, 100_000_000)]
    public required int Steps { get; init; }

    [Description("Examples per step, over all shards.")]
    [Range(1, 1_000_000)]
    public int BatchSize { get; init; } = 32;

    [Description("Examples per forward pass of one shard.")]
    [Range(1, 100_000)]
    public int MicroBatchSize { get; init; } = 32;

    [Description("AdamW and its schedule for this stage.")]
    public OptimizerSpec Optimizer { get; init; } = new();

    [Description("Write a checkpoint every so many steps; 0: only at the end of the stage.")]
    [Range(0, 100_000_000)]
    public int CheckpointEvery { get; init; }

    [Description("Task arithmetic: the first so many steps show only clean short solutions.")]
    [Range(0, 100_000_000)]
    public int CurriculumSteps { get; init; }

    [Description("Task arithmetic: share of the solutions whose final answer is replaced by a wrong one, which leaves reinforcement learning something to gain.")]
    [Range(0.0, 1.0)]
    public double AnswerNoise { get; init; } = 0.2;
}
