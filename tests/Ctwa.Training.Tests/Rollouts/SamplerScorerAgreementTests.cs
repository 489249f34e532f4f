using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Models;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Steps;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Rollouts;

/// <summary>A shard's sampler and its trainer see one policy: otherwise every ratio of the loss is wrong before the first update.</summary>
public sealed class SamplerScorerAgreementTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Theory]
    [InlineData(1.0, 1)]
    [InlineData(1.0, 3)]
    [InlineData(0.7, 2)]
    [InlineData(1.5, 2)]
    public void Log_probabilities_when_sampling_and_when_training_agree(double temperature, int shards)
    {
        var spec = TinyJobs.Arithmetic(shards: shards);
        spec = spec with
        {
            Rollout = spec.Rollout with { Temperature = temperature, MaxNewTokens = 40, SamplesPerPrompt = 8, PromptsPerStep = 12 },
            Update = spec.Update with { PromptsPerUpdate = 6 },
        };
        var job = PreparedJob.Prepare(spec, _folder);
        using var scope = torch.NewDisposeScope();
        using var memory = new PolicyMemory(job.Layout, torch.CPU);
        ModelFiles.Initialize(job.Layout, deviation: 0.4, seed: 3, memory.Weights);
        using var worker = new ShardWorker(job, memory);
        var settings = new SamplingSettings
        {
            Seed = spec.Seed,
            Purpose = RandomPurpose.Sampling,
            Step = 1,
            Temperature = temperature,
            MaxNewTokens = spec.Rollout.MaxNewTokens,
            SamplesPerPrompt = spec.Rollout.SamplesPerPrompt,
            StopTokens = job.StopTokens,
        };
        var request = new RolloutRequest(new RolloutId(RandomPurpose.Sampling, 1), job.TrainingPlan, job.TrainIndices[..spec.Rollout.PromptsPerStep], settings);
        int padded = 0;
        for (int shard = 0; shard < shards; shard++)
        {
            var completions = worker.Generate(request, shard);
            Assert.Equal(spec.Rollout.PromptsPerStep / shards * spec.Rollout.SamplesPerPrompt, completions.Length);
            padded += completions.Select(completion => completion.Prompt.Tokens.Length).Distinct().Count() > 1 ? 1 : 0;
            int longest = completions.Max(completion => completion.Tokens.Length);
            Assert.True(completions.Count(completion => completion.Tokens.Length < longest) >= completions.Length / 2, "no row left the batch early.");
            Assert.InRange(Difference(worker, memory, completions), 0, 2e-5);

            // It must notice a sampler that is wrong at a single token.
            float[] wrong = [.. completions[^1].LogProbabilities];
            wrong[^1] += 1e-3f;
            Assert.InRange(Difference(worker, memory, [.. completions[..^1], completions[^1] with { LogProbabilities = wrong }]), 9.8e-4, 1.02e-3);
        }

        Assert.True(padded > 0, "in every shard all prompts have one length: nothing is padded.");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static double Difference(ShardWorker worker, PolicyMemory memory, Completion[] completions)
    {
        int[] lengths = [.. completions.Select(completion => completion.Tokens.Length)];
        bool[] valid = [.. completions.Select(_ => true)];
        var advantages = new OutcomeAdvantages([.. completions.Select((_, i) => i % 3 - 1.0)], lengths, valid, Gamma: 1, Shift: 0, Scale: 1);
        var gradient = memory.RentGradient();
        var sums = worker.AccumulatePolicy(completions, new PolicyPart([advantages], PolicyRows.Single, UpdateCounts.Of(lengths, valid), CompareSampler: true), [gradient]);
        Assert.Equal(lengths.Sum(), sums.Tokens);
        Assert.True(gradient.abs().max().item<float>() > 0);
        memory.ReturnGradient(gradient);
        return sums.SamplerDifference;
    }
}
