using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Gradients;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Randomness;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Optimizers;

public sealed class AdamWSliceTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Parameters_follow_the_reference_optimizer()
    {
        string path = Path.Combine(GoldenFolder.Require(), "decoder", "models", "adamw_unit.json");
        using var document = JsonDocument.Parse(File.ReadAllBytes(path));
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().ToList();
        Assert.True(cases.Count > 0, $"{path} holds no case.");
        for (int index = 0; index < cases.Count; index++) { Check(cases[index], $"case {index}"); }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Slices_give_the_bits_of_the_whole(int threads)
    {
        torch.set_num_threads(threads);
        try
        {
            using var scope = torch.NewDisposeScope();
            // 300 blocks and a bit: longer than one internal piece.
            const long Length = (300L * FlatBlocks.BlockSize) + 1234;
            (long First, long End)[] cuts = [(0, 5 * FlatBlocks.BlockSize), (5 * FlatBlocks.BlockSize, 261 * FlatBlocks.BlockSize), (261 * FlatBlocks.BlockSize, Length)];
            float[][] whole = Train(Length, [(0, Length)], own: false);
            float[][] sliced = Train(Length, cuts, own: false);
            float[][] apart = Train(Length, cuts, own: true);
            for (int i = 0; i < whole.Length; i++)
            {
                AssertBits.Equal(whole[i], sliced[i]);
                AssertBits.Equal(whole[i], apart[i]);
            }
        }
        finally
        {
            torch.set_num_threads(1);
        }
    }

    [Fact]
    public void One_pass_gives_the_moments_bits_of_the_operations_one_by_one_and_the_parameters_to_rounding()
    {
        using var scope = torch.NewDisposeScope();
        using var noGrad = torch.no_grad();
        const int Length = 1003;
        torch.Tensor Numbers(int purpose) => torch.tensor((float[])[.. Enumerable.Range(0, Length).Select(i => (float)CounterRandom.Normal(3, RandomPurpose.Test, purpose, i, 0, 0))]);
        var options = new OptimizerSpec();
        var (p, m, v) = (Numbers(1), Numbers(2), Numbers(3).abs());
        var (p2, m2, v2) = (p.clone(), m.clone(), v.clone());
        var slice = new AdamWSlice(p, m, v, options, step: 4);
        for (int step = 5; step <= 8; step++)
        {
            const double rate = 3e-3, scale = 0.37;
            slice.Apply(Numbers(step), rate, scale);
            double first = 1 - Math.Pow(options.Betas[0], step), second = Math.Sqrt(1 - Math.Pow(options.Betas[1], step));
            var g = Numbers(step).mul_(scale);
            p2.mul_(1 - (rate * options.WeightDecay));
            m2.lerp_(g, 1 - options.Betas[0]);
            v2.mul_(options.Betas[1]).addcmul_(g, g, 1 - options.Betas[1]);
            p2.addcdiv_(m2, v2.sqrt().div_(second).add_(options.Epsilon), -(rate / first));
            AssertBits.Equal(AssertBits.Floats(m2), AssertBits.Floats(m));
            AssertBits.Equal(AssertBits.Floats(v2), AssertBits.Floats(v));
            // libtorch rounds the step's quotient otherwise.
            float[] expected = AssertBits.Floats(p2), got = AssertBits.Floats(p);
            for (int i = 0; i < Length; i++) { Assert.InRange(Math.Abs(expected[i] - got[i]), 0, (3e-7 * Math.Abs(expected[i])) + 1e-9); }
        }
    }

    [Fact]
    public void A_wrong_gradient_is_refused_before_anything_changes()
    {
        using var scope = torch.NewDisposeScope();
        var slice = new AdamWSlice(torch.ones(8), torch.zeros(8), torch.zeros(8), new OptimizerSpec());
        Assert.Throws<ArgumentException>(() => slice.Apply(torch.ones(7), 0.1));
        Assert.Throws<ArgumentException>(() => slice.Apply(torch.ones(8, dtype: torch.ScalarType.Float64), 0.1));
        Assert.Equal(0, slice.Step);
    }

    [Fact]
    public void Updates_leave_no_tensors_behind()
    {
        using var scope = torch.NewDisposeScope();
        var slice = new AdamWSlice(torch.ones(9000), torch.zeros(9000), torch.zeros(9000), new OptimizerSpec());
        var gradient = torch.ones(9000);
        slice.Apply(gradient, 0.1, 0.5);
        int before = scope.DisposablesCount;
        for (int i = 0; i < 10; i++) { slice.Apply(gradient, 0.1, 0.5); }
        Assert.Equal(before, scope.DisposablesCount);
    }

    private static float[][] Train(long length, (long First, long End)[] cuts, bool own)
    {
        using var scope = torch.NewDisposeScope();
        var line = torch.arange(length, dtype: torch.ScalarType.Float32);
        Tensor parameters = (line * 0.37f).sin(), first = torch.zeros(length), second = torch.zeros(length);
        var options = new OptimizerSpec { WeightDecay = 0.1 };
        // "own": slices in their own buffers, as on another silo; otherwise views of one flat vector.
        Tensor[] Cut(Tensor whole) => [.. cuts.Select(c => own ? whole.narrow(0, c.First, c.End - c.First).clone() : whole.narrow(0, c.First, c.End - c.First))];
        Tensor[] p = Cut(parameters), m = Cut(first), v = Cut(second);
        var slices = cuts.Select((_, i) => new AdamWSlice(p[i], m[i], v[i], options)).ToArray();
        for (int step = 0; step < 3; step++)
        {
            Tensor[] gradients = Cut(((line + step) * 0.11f).cos() * 0.01f);
            for (int i = 0; i < slices.Length; i++) { slices[i].Apply(gradients[i], 3e-3, 0.77); }
        }

        return [AssertBits.Floats(torch.cat(p)), AssertBits.Floats(torch.cat(m)), AssertBits.Floats(torch.cat(v))];
    }

    private static void Check(JsonElement one, string name)
    {
        using var scope = torch.NewDisposeScope();
        var hyper = one.GetProperty("hyper");
        var options = new OptimizerSpec
        {
            LearningRate = hyper.GetProperty("lr").GetDouble(),
            Betas = [.. hyper.GetProperty("betas").EnumerateArray().Select(b => b.GetDouble())],
            Epsilon = hyper.GetProperty("eps").GetDouble(),
            WeightDecay = hyper.GetProperty("weight_decay").GetDouble(),
        };
        double max = one.GetProperty("max_grad_norm").ValueKind == JsonValueKind.Null ? 0 : one.GetProperty("max_grad_norm").GetDouble();
        var parameters = Flat(one.GetProperty("initial"));
        var slice = new AdamWSlice(parameters, torch.zeros_like(parameters), torch.zeros_like(parameters), options);
        foreach (var step in one.GetProperty("steps").EnumerateArray())
        {
            var gradient = Flat(step.GetProperty("grads"));
            double norm = Math.Sqrt(FlatBlocks.Sum(FlatBlocks.SumOfSquaresByBlock(gradient)));
            if (max > 0) { Assert.Equal(step.GetProperty("grad_norm_before_clip").GetDouble(), norm, norm * 1e-6); }
            slice.Apply(gradient, options.LearningRate, GradientClipper.Scale(norm, max));
            double[] expected = GoldenTensor.ToArray(Flat(step.GetProperty("params"))), actual = GoldenTensor.ToArray(parameters);
            for (int i = 0; i < expected.Length; i++) { GoldenTensor.AssertClose(expected[i], actual[i], 1e-6, 0, $"{name}, step {slice.Step}, parameter {i}"); }
        }
    }

    private static Tensor Flat(JsonElement lists) => torch.cat([.. lists.EnumerateArray().Select(list => GoldenTensor.Read(list, torch.ScalarType.Float32).flatten())]);
}
