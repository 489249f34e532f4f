using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Where master weights, moments and what models compute with may lie apart, an update is the same.</summary>
public sealed class PolicyMemoryTests : IDisposable
{
    private static readonly FlatLayout Layout = FlatLayout.Of([("a", [70, 100]), ("b", [13]), ("c", [50, 40])]);

    private readonly DisposeScope _scope = NewDisposeScope();

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_offloaded_optimizer_makes_the_same_update_and_hands_it_over(int slices)
    {
        using var plain = new PolicyMemory(Layout, CPU);
        using var apart = new PolicyMemory(new PolicyMemoryOptions(Layout) { OffloadOptimizer = true });
        Assert.Same(plain.Weights, plain.Compute);
        Assert.NotSame(apart.Weights, apart.Compute);
        for (int update = 1; update <= 3; update++)
        {
            Update(plain, slices, update);
            Update(apart, slices, update);
        }

        AssertBits.Equal(AssertBits.Floats(plain.Weights), AssertBits.Floats(apart.Weights));
        AssertBits.Equal(AssertBits.Floats(plain.Weights), AssertBits.Floats(apart.Compute));
    }

    [Theory]
    [InlineData(ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16)]
    public void Master_weights_keep_what_the_computing_copy_is_too_coarse_for(ScalarType type)
    {
        using var memory = new PolicyMemory(new PolicyMemoryOptions(Layout) { ComputeType = type });
        using (no_grad()) { memory.Weights.fill_(Scalars.Of(1)); }
        memory.Publish();
        // Steps of 1e-5 are below half of the spacing of either type at 1; a hundred of them are not.
        for (int update = 1; update <= 100; update++)
        {
            Update(memory, 2, update, constant: true);
            if (update == 1) { Assert.Equal(1, memory.Compute[0].to(float32).item<float>()); }
        }

        Assert.InRange(memory.Weights[0].item<float>(), 0.9985f, 0.9995f);
        AssertBits.Equal(AssertBits.Floats(memory.Weights.to(type).to(float32)), AssertBits.Floats(memory.Compute.to(float32)));
    }

    [Fact]
    public void A_replica_has_what_models_compute_with_and_nothing_else()
    {
        var frozen = FlatLayout.Of([("base", [300])]);
        var options = new PolicyMemoryOptions(Layout) { ComputeType = bfloat16, Frozen = frozen };
        using var main = new PolicyMemory(options);
        using var replica = new PolicyMemory(options with { IsReplica = true });
        using (no_grad())
        {
            main.Base!.fill_(Scalars.Of(3));
            main.EnsureReference().fill_(Scalars.Of(4));
            main.Weights.fill_(Scalars.Of(0.5));
        }

        main.Publish();
        replica.CopyFrom(main);
        Assert.Equal(0, replica.Weights.numel() + replica.FirstMoment.numel() + replica.SecondMoment.numel());
        Assert.Equal((3f, 4f, 0.5f), (First(replica.Base!), First(replica.Reference!), First(replica.Compute)));
    }

    public void Dispose() => _scope.Dispose();

    private static float First(Tensor tensor) => tensor[^1].to(float32).item<float>();

    private static void Update(PolicyMemory memory, int slices, int number, bool constant = false)
    {
        var id = new UpdateId(TrainingStage.Rl, number, 0);
        using var gradients = new UpdateGradients(memory, shards: 1, rows: 1);
        var buffers = gradients.Rent();
        using (no_grad())
        {
            buffers[0].copy_(constant ? ones(Layout.Length) : tensor([.. Enumerable.Range(0, (int)Layout.Length).Select(i => (float)CounterRandom.Normal(3, RandomPurpose.Test, number, i, 0, 0))]));
        }

        gradients.Offer(0, buffers);
        foreach (var range in Layout.Slices(slices))
        {
            using var part = SliceGradients.ViewOf(gradients, range);
            new SliceWorker(memory, range, default).Apply(part, new OptimizerSpec { WeightDecay = constant ? 0 : 0.01 }, new OptimizerUpdate(id, GradientScale: 0.5, LearningRate: 1e-5, AdamStep: number));
        }
    }
}
