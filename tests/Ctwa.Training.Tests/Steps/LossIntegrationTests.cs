using System.Runtime.InteropServices;
using Ctwa.Training.Advantages;
using Ctwa.Training.Losses;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Every loss in the trainer: the parts of micro-batches and shards add up to one large batch.</summary>
public sealed class LossIntegrationTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    public static TheoryData<LossKind, LossAggregation> Losses { get; } = new(
        from kind in Enum.GetValues<LossKind>()
        from aggregation in kind is LossKind.Ppo or LossKind.Gspo or LossKind.Gmpo ? Enum.GetValues<LossAggregation>() : [LossAggregation.TokenMean]
        select new TheoryDataRow<LossKind, LossAggregation>(kind, aggregation));

    [Theory, MemberData(nameof(Losses))]
    public void Micro_batches_and_shards_add_up_to_one_large_batch(LossKind kind, LossAggregation aggregation)
    {
        var loss = new LossSpec
        {
            Kind = kind, Aggregation = aggregation, ClipLow = 0.05, ClipHigh = 0.05, CovShare = 0.2, CovLow = 0.001, CovHigh = 1e6,
            Kl = new KlSpec { Coefficient = 0.2, Kind = KlKind.Kl, StraightThrough = true }, EntropyCoefficient = 0.01,
        };
        var whole = Gradient(loss, microBatch: 1000, parts: 1);
        Assert.Contains(whole.Gradient, value => value != 0);
        if (PolicyLoss.SelectsTokens(kind)) { Assert.True(whole.Sums.Selected > 0, "nothing was chosen."); }
        Same(whole, Gradient(loss, microBatch: 5, parts: 1));

        // The choice of tokens has a shard as its scope; all other losses know the whole update.
        if (!PolicyLoss.SelectsTokens(kind)) { Same(whole, Gradient(loss, microBatch: 3, parts: 3)); }
    }

    [Fact]
    public void Every_kind_has_a_gradient_of_its_own()
    {
        var gradients = Enum.GetValues<LossKind>().Select(kind => Gradient(new LossSpec { Kind = kind, ClipLow = 0.05, ClipHigh = 0.05, CovShare = 0.2, CovLow = 0.001, CovHigh = 1e6 }, 1000, 1).Gradient).ToArray();
        for (int i = 0; i < gradients.Length; i++)
        {
            for (int j = 0; j < i; j++) { Assert.True(Distance(gradients[i], gradients[j]) > 1e-4 * Norm(gradients[i]), $"{(LossKind)i} and {(LossKind)j}"); }
        }
    }

    [Fact]
    public void Importance_weights_of_one_policy_are_close_to_one_and_the_cap_is_reached_by_another()
    {
        var plain = Gradient(new LossSpec(), 1000, 1);
        var weighted = Gradient(new LossSpec { ImportanceCap = 1 }, 1000, 1);
        Assert.True(Distance(plain.Gradient, weighted.Gradient) > 1e-3 * Norm(plain.Gradient), "the trainer's policy moved away from the sampler's, so that weights matter.");
    }

    private (float[] Gradient, UpdateSums Sums) Gradient(LossSpec loss, int microBatch, int parts)
    {
        var spec = TinyJobs.Arithmetic() with { Loss = loss };
        spec = spec with { Update = spec.Update with { MicroBatchSize = microBatch } };
        var job = PreparedJob.Prepare(spec, _folder);
        using var scope = NewDisposeScope();
        using var memory = new PolicyMemory(job.Layout, CPU);
        PolicyFiles.Load(job, memory, null, null);
        using var worker = new ShardWorker(job, memory);
        var sampling = new SamplingSettings { Seed = 3, Purpose = RandomPurpose.Sampling, Step = 1, Temperature = 1, MaxNewTokens = 12, SamplesPerPrompt = 4, StopTokens = job.StopTokens };
        var completions = worker.Generate(new RolloutRequest(new RolloutId(RandomPurpose.Sampling, 1), StepPlan.Single(6, 1), [0, 1, 2, 3, 4, 5], sampling), 0);

        // The policy moves on after sampling, so that ratios differ from 1.
        Move(memory.EnsureReference(), memory.Weights, 11);
        Move(memory.Weights, memory.Weights, 12);
        if (job.MeasuresTokens) { completions = worker.MeasureTokens(completions); }
        int[] lengths = [.. completions.Select(completion => completion.Tokens.Length)];
        bool[] valid = [.. completions.Select((_, i) => i != 5)];
        var advantages = OutcomeAdvantages.PerCompletion([.. completions.Select((_, i) => CounterRandom.Uniform(1, RandomPurpose.Test, 0, i, 0, 0) - 0.5)], lengths, valid);
        var counts = UpdateCounts.Of(lengths, valid);
        var gradient = memory.RentGradient();
        var sums = new UpdateSums();
        for (int part = 0; part < parts; part++)
        {
            int[] rows = [.. Enumerable.Range(0, completions.Length).Where(i => i * parts / completions.Length == part)];
            sums = sums.Plus(worker.AccumulatePolicy([.. rows.Select(row => completions[row])], new PolicyPart([advantages.Select(rows)], PolicyRows.Single, counts, CompareSampler: false), [gradient]));
        }

        float[] values = MemoryMarshal.Cast<byte, float>(gradient.bytes).ToArray();
        memory.ReturnGradient(gradient);
        return (values, sums);
    }

    private static void Same((float[] Gradient, UpdateSums Sums) expected, (float[] Gradient, UpdateSums Sums) actual)
    {
        Assert.Equal(expected.Sums.Loss, actual.Sums.Loss, 1e-6);
        Assert.Equal(expected.Sums.Selected, actual.Sums.Selected);
        Assert.True(Distance(expected.Gradient, actual.Gradient) <= 1e-5 * Norm(expected.Gradient), $"{Distance(expected.Gradient, actual.Gradient)} of {Norm(expected.Gradient)}");
        for (int p = 0; p < expected.Gradient.Length; p++) { Assert.Equal(expected.Gradient[p], actual.Gradient[p], 1e-6); }
    }

    private static void Move(Tensor target, Tensor from, int seed)
    {
        using var noGrad = no_grad();
        float[] noise = [.. Enumerable.Range(0, (int)from.shape[0]).Select(i => (float)(0.02 * CounterRandom.Normal(seed, RandomPurpose.Test, 0, i, 0, 0)))];
        target.copy_(from + tensor(noise));
    }

    private static double Norm(float[] values) => Math.Sqrt(values.Sum(value => (double)value * value));

    private static double Distance(float[] left, float[] right) => Norm([.. left.Zip(right, (one, other) => one - other)]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
