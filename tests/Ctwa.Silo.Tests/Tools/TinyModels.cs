using Ctwa.Training.Datasets;
using Ctwa.Training.Models;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using static TorchSharp.torch;

namespace Ctwa.Silo.Tests.Tools;

/// <summary>Models and runs small enough to be made in a test, with the tokenizer of the built-in task.</summary>
internal static class TinyModels
{
    /// <summary>Writes a random model of a few thousand parameters with 64 positions.</summary>
    public static string Write(string folder, long seed = 5)
    {
        ArithmeticTokenizer.WriteTo(folder);
        var config = new ModelConfig { HiddenSize = 16, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 4, VocabSize = 80, TieWordEmbeddings = true, MaxPositionEmbeddings = 64 };
        var layout = FlatLayout.Of(config.Parameters().Select(parameter => (parameter.Name, parameter.Shape.ToArray())));
        using var weights = zeros(layout.Length, float32);
        ModelFiles.Initialize(layout, 0.3, seed, weights);
        ModelFiles.Save(folder, config, layout, weights);
        return folder;
    }

    /// <summary>Trains a job for two steps; checkpoints after each.</summary>
    public static async Task<string> TrainAsync(string folder)
    {
        var spec = new JobSpec
        {
            Name = "tiny",
            Seed = 7,
            Model = new ModelSpec { Init = new ModelInitSpec { HiddenSize = 16, IntermediateSize = 40, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, Tokenizer = "arithmetic", MaxPositionEmbeddings = 64 } },
            Data = new DataSpec { Train = new DataSourceSpec { Task = BuiltInTask.Arithmetic, Count = 32 }, Validation = new DataSourceSpec { Task = BuiltInTask.Arithmetic, Count = 6 }, MaxPromptTokens = 16 },
            WarmStart = new SupervisedSpec { Steps = 3, BatchSize = 8 },
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 2, MaxNewTokens = 12 },
            Objectives = [new ObjectiveSpec { Name = "accuracy", Reward = new MathBoxedRewardSpec() }, new ObjectiveSpec { Name = "conciseness", Reward = new ConcisenessRewardSpec() }],
            Grid = new GridSpec { Shards = 1, Slices = 1 },
            Schedule = new ScheduleSpec { Steps = 2, ValidateEvery = 2, ValidationPrompts = 5, ValidationSamples = 3, CheckpointEvery = 1, SamplesEvery = 0 },
        };
        using var run = RunDirectory.Open(folder, resume: false);
        run.WriteJob(JobSpecYaml.Write(spec));
        await LocalTrainer.RunAsync(PreparedJob.Prepare(spec, folder), run, new Silent());
        return folder;
    }

    private sealed class Silent : ITrainingObserver
    {
        public void Message(string text) { }
        public void Warning(string text) { }
        public void Metrics(TrainingStage stage, string json) { }
        public void Checkpoint(TrainingStage stage, int step, string path) { }
        public void Summary(string json) { }
    }
}
