using Ctwa.Training.Specification;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Jobs that train in a second or two.</summary>
internal static class TinyJobs
{
    /// <summary>Three objectives on a very small model after a short warm start.</summary>
    public static JobSpec Arithmetic(int steps = 3, int warmStartSteps = 4, int hidden = 16, int? vocabulary = null, int shards = 3, int slices = 2) => new()
    {
        Name = "tiny",
        Seed = 7,
        Model = new ModelSpec
        {
            Init = new ModelInitSpec { HiddenSize = hidden, IntermediateSize = 2 * hidden + 8, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, VocabSize = vocabulary, Tokenizer = "arithmetic", MaxPositionEmbeddings = 128 },
        },
        Data = new DataSpec
        {
            Train = new DataSourceSpec { Task = BuiltInTask.Arithmetic, Count = 64 },
            Validation = new DataSourceSpec { Task = BuiltInTask.Arithmetic, Count = 8 },
            MaxPromptTokens = 16,
        },
        WarmStart = warmStartSteps == 0 ? null : new SupervisedSpec { Steps = warmStartSteps, BatchSize = 10, MicroBatchSize = 3, Optimizer = new OptimizerSpec { LearningRate = 4e-3 } },
        Rollout = new RolloutSpec { PromptsPerStep = 6, SamplesPerPrompt = 4, MaxNewTokens = 12 },
        Objectives =
        [
            new ObjectiveSpec { Name = "accuracy", Reward = new MathBoxedRewardSpec() },
            new ObjectiveSpec { Name = "conciseness", Reward = new ConcisenessRewardSpec() },
            new ObjectiveSpec { Name = "clarity", Reward = new ClarityRewardSpec() },
        ],
        Scalarizer = new CtwaScalarizerSpec(),
        Optimizer = new OptimizerSpec { LearningRate = 1e-3 },
        Update = new UpdateSpec { PromptsPerUpdate = 3, MicroBatchSize = 5 },
        Grid = new GridSpec { Shards = shards, Slices = slices },
        Schedule = new ScheduleSpec { Steps = steps, ValidateEvery = 2, ValidationPrompts = 8, CheckpointEvery = 2, SamplesEvery = 1 },
    };
}
