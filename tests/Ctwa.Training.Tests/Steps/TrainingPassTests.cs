using Ctwa.Training.Models;
using Ctwa.Training.Models.Decoder;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Models;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Steps;

/// <summary>However a forward pass is cut up, its numbers and gradients are those of the plain one, up to rounding.</summary>
public sealed class TrainingPassTests : IDisposable
{
    private const int Plain = int.MaxValue;
    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TinyModel _untied = new(), _tied = new(tied: true);

    public static TheoryData<bool, bool, bool, int> Forms()
    {
        var forms = new TheoryData<bool, bool, bool, int>();
        foreach (bool tied in (bool[])[false, true])
        {
            foreach (bool packed in (bool[])[false, true])
            {
                forms.Add(tied, packed, false, 3);
                forms.Add(tied, packed, true, Plain);
                forms.Add(tied, packed, true, 4);
            }

            forms.Add(tied, true, false, Plain);
        }

        return forms;
    }

    [Theory]
    [MemberData(nameof(Forms))]
    public void Log_probabilities_entropies_and_gradients_of_three_losses_are_those_of_the_plain_pass(bool tied, bool packed, bool recompute, int logitRows)
    {
        var model = tied ? _tied : _untied;
        var plain = Run(model.Model, model.Memory, new ForwardOptions(0.8, false, false, Plain, 1));
        var other = Run(model.Model, model.Memory, new ForwardOptions(0.8, packed, recompute, logitRows, 1));
        Close(plain.LogProbabilities, other.LogProbabilities, 1e-5);
        Close(plain.Entropy, other.Entropy, 1e-5);
        for (int m = 0; m < 3; m++)
        {
            Assert.True(plain.Gradients[m].norm().item<float>() > 0.01f);
            Close(plain.Gradients[m], other.Gradients[m], 2e-5 * plain.Gradients[m].norm().item<float>());
        }
    }

    [Fact]
    public void A_pass_gives_the_same_bits_each_time()
    {
        var options = new ForwardOptions(1, true, true, 4, 1);
        var once = Run(_tied.Model, _tied.Memory, options);
        var again = Run(_tied.Model, _tied.Memory, options);
        for (int m = 0; m < 3; m++) { AssertBits.Equal(AssertBits.Floats(once.Gradients[m]), AssertBits.Floats(again.Gradients[m])); }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Fresh_adapters_change_no_bit_of_the_base_model(bool packed)
    {
        var (adapted, _, _) = Adapted(new LoraSpec { Rank = 3 });
        var options = new ForwardOptions(1, packed, false, Plain, 1);
        using var noGrad = no_grad();
        var batch = Batch(packed);
        AssertBits.Equal(AssertBits.Floats(new TrainingPass(_untied.Model, batch, options).LogProbabilities), AssertBits.Floats(new TrainingPass(adapted, batch, options).LogProbabilities));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Gradients_of_adapters_are_those_of_the_merged_weights_by_the_chain_rule(bool recompute)
    {
        // W' = W + s B A: dL/dA = s Bᵀ dL/dW', dL/dB = s dL/dW' Aᵀ.
        var lora = new LoraSpec { Rank = 3, Alpha = 6, Targets = [LoraTarget.QProj, LoraTarget.DownProj] };
        var (adapted, layout, memory) = Adapted(lora, trained: true);
        var got = Run(adapted, memory, new ForwardOptions(1, false, recompute, Plain, 1)).Gradients[0];

        var merged = _untied.Memory.Weights.clone();
        Tensor A(string module) => View(memory.Weights, layout, module + LoraLayout.A);
        Tensor B(string module) => View(memory.Weights, layout, module + LoraLayout.B);
        using (no_grad())
        {
            foreach (string module in Modules(lora)) { View(merged, _untied.Layout, module + ".weight").PlusInPlace(B(module).mm(A(module)).Times(2)); }
        }

        using var whole = new DecoderModel(_untied.Config, _untied.Layout, merged);
        using var wholeMemory = new PolicyMemory(_untied.Layout, CPU);
        var full = Run(whole, wholeMemory, new ForwardOptions(1, false, false, Plain, 1)).Gradients[0];
        foreach (string module in Modules(lora))
        {
            var dW = View(full, _untied.Layout, module + ".weight");
            foreach (var (expected, name) in ((Tensor, string)[])[(B(module).t().mm(dW).Times(2), LoraLayout.A), (dW.mm(A(module).t()).Times(2), LoraLayout.B)])
            {
                Assert.True(expected.norm().item<float>() > 1e-4f, name);
                Close(expected, View(got, layout, module + name), 1e-4 * expected.norm().item<float>());
            }
        }
    }

    [Fact]
    public void Dropout_is_the_same_in_a_recomputed_block_and_absent_from_scoring()
    {
        var (adapted, _, memory) = Adapted(new LoraSpec { Rank = 4, Dropout = 0.4 }, trained: true);
        var scored = Run(adapted, memory, new ForwardOptions(1, false, false, Plain, 1)).LogProbabilities;
        var (other, _, _) = Adapted(new LoraSpec { Rank = 4 }, trained: true);
        AssertBits.Equal(AssertBits.Floats(Run(other, memory, new ForwardOptions(1, false, false, Plain, 1)).LogProbabilities), AssertBits.Floats(scored));

        adapted.DropFor(new DropoutIdentity(1, 2, 3));
        var direct = Run(adapted, memory, new ForwardOptions(1, false, false, Plain, 1));
        var again = Run(adapted, memory, new ForwardOptions(1, false, true, Plain, 1));
        Assert.False(AssertBits.Floats(scored).AsSpan().SequenceEqual(AssertBits.Floats(direct.LogProbabilities)));
        AssertBits.Equal(AssertBits.Floats(direct.LogProbabilities), AssertBits.Floats(again.LogProbabilities));
        Close(direct.Gradients[0], again.Gradients[0], 2e-5 * direct.Gradients[0].norm().item<float>());

        adapted.DropFor(new DropoutIdentity(1, 2, 4));
        var elsewhere = Run(adapted, memory, new ForwardOptions(1, false, false, Plain, 1));
        Assert.False(AssertBits.Floats(elsewhere.LogProbabilities).AsSpan().SequenceEqual(AssertBits.Floats(direct.LogProbabilities)));
    }

    [Fact]
    public void Half_precision_accumulates_gradients_in_float32_and_the_loss_scale_keeps_small_ones()
    {
        using var half = new PolicyMemory(new PolicyMemoryOptions(_untied.Layout) { ComputeType = float16 });
        using (no_grad()) { half.Weights.copy_(_untied.Memory.Weights); }
        half.Publish();
        using var model = new DecoderModel(_untied.Config, _untied.Layout, half.Compute);
        var exact = Run(_untied.Model, _untied.Memory, new ForwardOptions(1, false, false, Plain, 1)).Gradients[0];

        // A loss this small has gradients below the smallest float16 number.
        Tensor Gradient(double scale) => Run(model, half, new ForwardOptions(1, false, false, Plain, scale), weight: 1e-6).Gradients[0].DividedBy(scale);
        Assert.Equal(float32, Gradient(1).dtype);
        double Error(Tensor gradient) => (gradient.Times(1e6) - exact).norm().item<float>() / exact.norm().item<float>();
        Assert.InRange(Error(Gradient(16384)), 0, 0.02);
        Assert.True(Error(Gradient(1)) > 0.1, $"without a scale the error is {Error(Gradient(1))}");
    }

    public void Dispose()
    {
        _untied.Dispose();
        _tied.Dispose();
        _scope.Dispose();
    }

    private static IEnumerable<string> Modules(LoraSpec lora) => from layer in (int[])[0, 1] from target in lora.Targets select LoraLayout.Module(layer, target);

    private static Tensor View(Tensor flat, FlatLayout layout, string name)
    {
        var entry = layout.Entries.Single(e => e.Name == name);
        return flat.narrow(0, entry.Offset, entry.Length).view(entry.Shape);
    }

    private (DecoderModel Model, FlatLayout Layout, PolicyMemory Memory) Adapted(LoraSpec lora, bool trained = false)
    {
        var layout = FlatLayout.Of(LoraLayout.Parameters(_untied.Config, lora));
        var memory = new PolicyMemory(new PolicyMemoryOptions(layout) { Frozen = _untied.Layout });
        memory.Base!.copy_(_untied.Memory.Weights);
        LoraLayout.Initialize(layout, 3, memory.Weights);
        if (trained) { memory.Weights.copy_(tensor([.. Enumerable.Range(0, (int)layout.Length).Select(i => (float)(0.2 * CounterRandom.Normal(9, RandomPurpose.Test, 0, i, 0, 0)))])); }
        return (new DecoderModel(_untied.Config, _untied.Layout, memory.Base, adapters: new LoraAdapters(lora, layout, memory.Compute)), layout, memory);
    }

    private static PackedBatch Batch(bool packed)
    {
        int[] Tokens(int row, int count) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Below(37, 8, RandomPurpose.Test, 0, i, row, 0))];
        return PackedBatch.Of([Tokens(0, 5), Tokens(1, 2), Tokens(2, 7)], [Tokens(3, 4), Tokens(4, 6), Tokens(5, 1)], CPU, packed);
    }

    /// <summary>Gradients of three losses: of log-probabilities, of entropies, and of hidden states with log-probabilities.</summary>
    private static (Tensor LogProbabilities, Tensor Entropy, Tensor[] Gradients) Run(IBlockModel model, PolicyMemory memory, ForwardOptions options, double weight = 1)
    {
        Tensor[] gradients = [.. Enumerable.Range(0, 3).Select(_ => zeros(memory.Layout.Length))];
        model.PointGradientsAt(gradients[0]);
        var pass = new TrainingPass(model, Batch(options.Packed), options, withEntropy: true);
        var factors = arange(Scalars.Of(1), Scalars.Of(12)).to(float32).DividedBy(10);
        Tensor[] losses =
        [
            (pass.LogProbabilities * factors).sum().Times(weight),
            (pass.Entropy! * factors).sum().Times(weight),
            ((pass.Hidden.to(float32) * pass.Hidden.to(float32)).mean().Times(3).Plus(pass.LogProbabilities.sum())).Times(weight),
        ];
        pass.Backward([.. losses.Select((loss, m) => new LossTarget(loss, gradients[m]))]);
        return (pass.LogProbabilities.detach(), pass.Entropy!.detach(), gradients);
    }

    private static void Close(Tensor expected, Tensor actual, double tolerance) =>
        Assert.InRange((expected - actual).abs().max().item<float>(), 0, tolerance);
}
