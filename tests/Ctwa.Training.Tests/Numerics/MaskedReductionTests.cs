using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Numerics;

public sealed class MaskedReductionTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Every_masked_operation_equals_the_reference()
    {
        var seen = new HashSet<string>();
        foreach (var one in GoldenFolder.ReferenceCases("masked_ops"))
        {
            using var scope = torch.NewDisposeScope();
            string name = one.GetProperty("name").GetString()!, function = one.GetProperty("inputs").GetProperty("fn").GetString()!;
            seen.Add(function);
            switch (function)
            {
                case "masked": Masked(name, one); break;
                case "masked_var": MaskedVariance(one); break;
                case "logits": Logits(name, one); break;
                case "clip_by_value": Clip(name, one); break;
                case "response_mask": Response(name, one); break;
                default: Assert.Fail($"{name}: no test for {function}."); break;
            }
        }

        Assert.Superset(new HashSet<string> { "masked", "masked_var", "logits", "clip_by_value", "response_mask" }, seen);
    }

    [Fact]
    public void Whitening_a_whole_mask_gives_mean_zero_and_variance_one()
    {
        using var scope = torch.NewDisposeScope();
        var values = torch.linspace(-3, 8, 24, dtype: torch.ScalarType.Float64).reshape(4, 6);
        var mask = torch.ones_like(values);
        var white = MaskedReduction.Whiten(values, mask);
        Assert.Equal(0, MaskedReduction.Mean(white, mask).ToDouble(), 1e-9);
        Assert.Equal(1, MaskedReduction.Variance(white, mask).ToDouble(), 1e-6);
    }

    private static void Masked(string name, JsonElement one)
    {
        var type = GoldenTensor.TypeOf(one);
        var values = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("values"), type);
        var mask = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("mask"), type);
        foreach (var output in one.GetProperty("outputs").EnumerateObject())
        {
            var actual = output.Name switch
            {
                "sum" => MaskedReduction.Sum(values, mask),
                "sum_axis1" => MaskedReduction.Sum(values, mask, 1),
                "mean" => MaskedReduction.Mean(values, mask),
                "mean_axis1" => MaskedReduction.Mean(values, mask, 1),
                "mean_axis0" => MaskedReduction.Mean(values, mask, 0),
                "var" => MaskedReduction.Variance(values, mask),
                "var_biased" => MaskedReduction.Variance(values, mask, unbiased: false),
                "whiten" => MaskedReduction.Whiten(values, mask),
                "whiten_keep_mean" => MaskedReduction.Whiten(values, mask, shiftMean: false),
                _ => throw new NotSupportedException($"{name}: no test for {output.Name}."),
            };
            Close(output.Value, actual, type, $"{name} {output.Name}");
        }
    }

    private static void MaskedVariance(JsonElement one)
    {
        var values = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("values"), torch.ScalarType.Float32);
        var mask = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("mask"), torch.ScalarType.Float32);
        Assert.True(one.GetProperty("outputs").TryGetProperty("error", out _));
        Assert.Throws<ArgumentException>(() => MaskedReduction.Variance(values, mask));
    }

    private static void Logits(string name, JsonElement one)
    {
        var type = GoldenTensor.TypeOf(one);
        var labels = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("labels"), torch.ScalarType.Int64);
        var logits = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("logits"), type);
        var (chosen, entropy) = TokenDistribution.Measure(logits, labels);
        foreach (var output in one.GetProperty("outputs").EnumerateObject())
        {
            var leaf = logits.clone().requires_grad_();
            switch (output.Name)
            {
                case "logprobs" or "logprobs_v2":
                    Close(output.Value, TokenDistribution.LogProbabilities(logits, labels), type, $"{name} {output.Name}");
                    Close(output.Value, chosen, type, $"{name} {output.Name} measured together");
                    break;
                case "entropy" or "entropy_chunked":
                    // The reference's chunked entropy is float32 even where the logits are float64.
                    var computed = output.Name == "entropy" ? type : torch.ScalarType.Float32;
                    Close(output.Value, TokenDistribution.Entropy(logits), computed, $"{name} {output.Name}");
                    Close(output.Value, entropy, computed, $"{name} {output.Name} measured together");
                    var chunks = logits.chunk(2).Select(TokenDistribution.Entropy).ToArray();
                    Close(output.Value, torch.cat(chunks), computed, $"{name} {output.Name} in chunks");
                    break;
                case "grad_logits_of_logprob_sum":
                    TokenDistribution.LogProbabilities(leaf, labels).sum().backward();
                    Close(output.Value, leaf.grad!, type, $"{name} {output.Name}");
                    break;
                case "grad_logits_of_entropy_sum":
                    TokenDistribution.Entropy(leaf).sum().backward();
                    Close(output.Value, leaf.grad!, type, $"{name} {output.Name}");
                    break;
                default:
                    Assert.Fail($"{name}: no test for {output.Name}.");
                    break;
            }
        }
    }

    private static void Clip(string name, JsonElement one)
    {
        var type = GoldenTensor.TypeOf(one);
        Tensor Input(string key) => GoldenTensor.Read(one.GetProperty("inputs").GetProperty(key), type);
        Close(one.GetProperty("outputs").GetProperty("y"), MaskedReduction.ClipByValue(Input("x"), Input("min"), Input("max")), type, name);
    }

    private static void Response(string name, JsonElement one)
    {
        var ids = GoldenTensor.Read(one.GetProperty("inputs").GetProperty("response_ids"), torch.ScalarType.Int64);
        var stop = one.GetProperty("inputs").GetProperty("eos");
        long[] stops = stop.ValueKind == JsonValueKind.Array ? [.. stop.EnumerateArray().Select(s => s.GetInt64())] : [stop.GetInt64()];
        GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("mask"), MaskedReduction.ResponseMask(ids, stops), 0, 0, name);
    }

    private static void Close(JsonElement expected, Tensor actual, torch.ScalarType type, string what)
    {
        var (absolute, relative) = type == torch.ScalarType.Float64 ? (1e-9, 1e-9) : (2e-5, 1e-5);
        GoldenTensor.AssertClose(expected, actual, absolute, relative, what);
    }
}
