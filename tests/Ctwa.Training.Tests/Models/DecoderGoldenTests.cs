using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Models;
using Ctwa.Training.Numerics;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models;

/// <summary>The decoder's outputs against Hugging Face's modelling code.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class DecoderGoldenTests
{
    [Fact]
    public void The_golden_folder_has_a_model_that_this_build_supports() =>
        Assert.Contains(Directory.GetDirectories(GoldenModel.Folder()), folder => GoldenModel.TypeOf(folder).Supported);

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Parameters_have_the_names_and_shapes_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        var expected = golden.Values.GetProperty("parameters").EnumerateObject()
            .Select(p => $"{p.Name} [{string.Join(", ", p.Value.EnumerateArray().Select(size => size.GetInt64()))}]");
        var actual = golden.Layout.Entries.Select(entry => $"{entry.Name} [{string.Join(", ", entry.Shape)}]");
        Assert.Equal(expected.Order(StringComparer.Ordinal), actual.Order(StringComparer.Ordinal));
        Assert.Equal(golden.Values.GetProperty("num_parameters").GetInt64(), golden.Config.ParameterCount());
        Assert.Equal(golden.Values.GetProperty("tied").GetBoolean(), golden.Config.TieWordEmbeddings);
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Logits_are_those_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        using var noGrad = no_grad();
        foreach (var (key, tolerance) in ((string, double)[])[("a", 1e-4), ("b", 1e-4), ("c", 5e-3)])
        {
            var mask = golden.Tensor($"{key}.attention_mask");
            var logits = golden.Model.Logits(golden.Model.Hidden(golden.Tensor($"{key}.input_ids"), golden.Tensor($"{key}.position_ids"), mask));
            golden.AssertWithin(golden.Tensor($"{key}.logits"), logits, tolerance, $"logits {key}", mask.unsqueeze(-1));
            if (key != "a") { continue; }
            golden.AssertWithin(Math.Abs(golden.Values.GetProperty("logits_absmax").GetDouble() - logits.abs().max().item<float>()), tolerance, "largest logit");

            // The overload without positions is the one that training scores with.
            golden.AssertWithin(golden.Tensor("a.logits"), golden.Model.Logits(golden.Model.Hidden(golden.Tensor("a.input_ids"))), tolerance, "logits a, unpadded");
        }
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Token_log_probabilities_and_entropies_are_those_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        using var noGrad = no_grad();
        var ids = golden.Tensor("lp.input_ids");
        long predicted = ids.size(1) - 1;
        var mask = golden.Tensor("lp.loss_mask").narrow(1, 1, predicted);
        var (expected, expectedEntropy) = (golden.Tensor("lp.token_logprobs"), golden.Tensor("lp.token_entropy"));

        var hidden = golden.Model.Hidden(ids, golden.Tensor("lp.position_ids"), golden.Tensor("lp.attention_mask"));
        var (padded, entropy) = TokenDistribution.Measure(golden.Model.Logits(hidden).narrow(1, 0, predicted), ids.narrow(1, 1, predicted));
        golden.AssertWithin(expected, padded, 1e-4, "log-probabilities, left-padded", mask);
        golden.AssertWithin(expectedEntropy, entropy, 1e-4, "entropies, left-padded", mask);

        var batch = GoldenBatch.Of(golden, "lp");
        var (packed, packedEntropy) = TokenDistribution.Measure(batch.Logits(golden.Model), batch.Packed.Targets);
        golden.AssertWithin(expected.masked_select(mask.eq(1)), packed, 1e-4, "log-probabilities, packed");
        golden.AssertWithin(expectedEntropy.masked_select(mask.eq(1)), packedEntropy, 1e-4, "entropies, packed");
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void The_loss_and_its_gradient_are_those_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        var gradient = golden.Memory.RentGradient();
        golden.Model.PointGradientsAt(gradient);
        var loss = GoldenBatch.Of(golden, "lp").Loss(golden.Model);
        loss.backward();
        AssertLossAndGradient(golden, loss, gradient);
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void The_decoder_without_a_graph_gives_the_reference_s_numbers_too(string name)
    {
        using var golden = GoldenModel.Open(name);
        var host = ((IPolicyModel)golden.Model).Host;
        Assert.NotNull(host);
        var gradient = golden.Memory.RentGradient();
        var batch = GoldenBatch.Of(golden, "lp");
        var pass = new HostTrainingPass(host, PackedBatch.ForHost(batch.Prompts, batch.Responses), new ForwardOptions(1, true, false, int.MaxValue, 1), withEntropy: true);
        long predicted = golden.Tensor("lp.input_ids").size(1) - 1;
        var mask = golden.Tensor("lp.loss_mask").narrow(1, 1, predicted).eq(1);
        golden.AssertWithin(golden.Tensor("lp.token_logprobs").masked_select(mask), pass.LogProbabilities.detach(), 1e-4, "log-probabilities");
        golden.AssertWithin(golden.Tensor("lp.token_entropy").masked_select(mask), pass.Entropy!.detach(), 1e-4, "entropies");
        var loss = pass.LogProbabilities.sum().neg() / batch.Packed.TokenCount;
        pass.Backward([new LossTarget(loss, gradient)]);
        AssertLossAndGradient(golden, loss, gradient);
    }

    private static void AssertLossAndGradient(GoldenModel golden, Tensor loss, Tensor gradient)
    {
        var expected = golden.Values.GetProperty("loss");
        golden.AssertWithin(Math.Abs(expected.GetProperty("value").GetDouble() - loss.item<float>()), 2e-5, "loss");
        var norms = expected.GetProperty("grad_l2").EnumerateObject().ToList();
        Assert.Equal(golden.Layout.Entries.Count, norms.Count);
        foreach (var norm in norms) { AssertRelative(golden, norm.Value, Norm(golden.View(gradient, norm.Name)), $"norm of the gradient of {norm.Name}"); }
        AssertRelative(golden, expected.GetProperty("grad_total_l2"), Norm(gradient), "norm of the gradient");
        string[] full = [.. expected.GetProperty("full_gradient_of").EnumerateArray().Select(one => one.GetString()!)];
        Assert.NotEmpty(full);
        foreach (string parameter in full)
        {
            var reference = golden.Tensor($"grad.{parameter}");
            golden.AssertWithin(Norm(golden.View(gradient, parameter) - reference) / Norm(reference), 5e-5, $"gradient of {parameter}");
        }
    }

    private static double Norm(Tensor values) => values.to(float64).square().sum().sqrt().item<double>();

    private static void AssertRelative(GoldenModel golden, JsonElement expected, double actual, string what) =>
        golden.AssertWithin(Math.Abs(expected.GetDouble() - actual) / expected.GetDouble(), 5e-5, what);
}
