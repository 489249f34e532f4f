using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Gradients;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

/// <summary>Three clipped AdamW steps in flat memory, in slices, against PyTorch's.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class OptimizerTrajectoryGoldenTests
{
    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Three_steps_end_where_the_reference_ends(string name)
    {
        using var golden = GoldenModel.Open(name);
        var adamw = golden.Values.GetProperty("adamw");
        AssertSums(golden, "stored weights", adamw.GetProperty("initial_param_sum"), adamw.GetProperty("initial_param_l2"));
        var steps = adamw.GetProperty("steps").EnumerateArray().ToList();
        Assert.NotEmpty(steps);
        int clipped = 0;
        for (int i = 0; i < steps.Count; i++) { clipped += Step(golden, adamw, steps[i], i) ? 1 : 0; }
        Assert.True(clipped > 0, "no step of the reference clips its gradient.");

        string[] full = [.. golden.Values.GetProperty("loss").GetProperty("full_gradient_of").EnumerateArray().Select(one => one.GetString()!)];
        foreach (string parameter in full)
        {
            golden.AssertWithin(golden.Tensor($"adamw.final.{parameter}"), golden.View(golden.Memory.Weights, parameter), IsKeyBias(parameter) ? 3e-4 : 2e-6, $"final {parameter}");
        }
    }

    /// <summary>One step as the training loop takes it; whether the gradient was clipped.</summary>
    private static bool Step(GoldenModel golden, JsonElement adamw, JsonElement expected, int index)
    {
        using var scope = NewDisposeScope();
        using var gradients = new UpdateGradients(golden.Memory, shards: 1, rows: 1);
        var buffers = gradients.Rent();
        golden.Model.PointGradientsAt(buffers[0]);
        var loss = GoldenBatch.Of(golden, $"adamw.{index}").Loss(golden.Model);
        loss.backward();
        gradients.Offer(0, buffers);
        golden.AssertWithin(Math.Abs(expected.GetProperty("loss").GetDouble() - loss.item<float>()), 1e-4, $"loss of step {index}");

        (SliceWorker Worker, SliceGradients Part)[] slices = [.. golden.Layout.Slices(3).Select(range => (new SliceWorker(golden.Memory, range, golden.Layout.LastBlock()), SliceGradients.ViewOf(gradients, range)))];
        double norm = Math.Sqrt(slices.Sum(slice => slice.Worker.SumOfSquares(slice.Part))), expectedNorm = expected.GetProperty("grad_norm_before_clip").GetDouble();
        golden.AssertWithin(Math.Abs(expectedNorm - norm) / expectedNorm, 5e-5, $"norm of step {index}");
        double scale = GradientClipper.Scale(norm, adamw.GetProperty("max_grad_norm").GetDouble());
        var options = new OptimizerSpec
        {
            Betas = [.. adamw.GetProperty("betas").EnumerateArray().Select(beta => beta.GetDouble())],
            Epsilon = adamw.GetProperty("eps").GetDouble(),
            WeightDecay = adamw.GetProperty("weight_decay").GetDouble(),
        };
        var update = new OptimizerUpdate(new UpdateId(TrainingStage.Rl, index + 1, 0), scale, adamw.GetProperty("lr").GetDouble(), index + 1);
        foreach (var slice in slices) { slice.Worker.Apply(slice.Part, options, update); }
        AssertSums(golden, $"step {index}", expected.GetProperty("param_sum"), expected.GetProperty("param_l2"));
        return scale < 1;
    }

    private static void AssertSums(GoldenModel golden, string when, JsonElement sums, JsonElement norms)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(golden.Layout.Entries.Select(entry => entry.Name).Order(StringComparer.Ordinal), sums.EnumerateObject().Select(sum => sum.Name).Order(StringComparer.Ordinal));
        foreach (var entry in golden.Layout.Entries)
        {
            var weights = golden.View(golden.Memory.Weights, entry.Name).to(float64);
            double expectedNorm = norms.GetProperty(entry.Name).GetDouble();
            double sumDifference = Math.Abs(sums.GetProperty(entry.Name).GetDouble() - weights.sum().item<double>());
            double normDifference = Math.Abs(expectedNorm - weights.square().sum().sqrt().item<double>()) / expectedNorm;
            golden.AssertWithin(sumDifference, (IsKeyBias(entry.Name) ? 1e-4 : 5e-6) * Math.Sqrt(entry.Length), $"{when}, sum of {entry.Name}");
            golden.AssertWithin(normDifference, IsKeyBias(entry.Name) ? 2e-5 : 1e-6, $"{when}, norm of {entry.Name}");
        }
    }

    // Its gradient is nearly zero, so that Adam's normalised step amplifies rounding.
    private static bool IsKeyBias(string name) => name.EndsWith("k_proj.bias", StringComparison.Ordinal);
}
