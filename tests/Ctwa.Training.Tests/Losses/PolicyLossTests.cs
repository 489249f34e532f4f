using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class PolicyLossTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_clipped_surrogate_equals_the_reference()
    {
        int found = 0;
        foreach (var one in GoldenFolder.ReferenceCases("policy_losses"))
        {
            // Other losses, and the aggregation seq-mean-token-sum-norm, are not part of this build.
            var inputs = one.GetProperty("inputs");
            if (!inputs.TryGetProperty("loss_mode", out var mode) || mode.GetString() != "vanilla") { continue; }
            if (LossCase.Aggregation(inputs) is not { } aggregation) { continue; }
            found++;
            Check(one, aggregation);
        }

        Assert.True(found > 0, "no golden case of the clipped surrogate.");
    }

    [Theory]
    [InlineData(LossAggregation.TokenMean)]
    [InlineData(LossAggregation.SequenceMeanTokenSum)]
    [InlineData(LossAggregation.SequenceMeanTokenMean)]
    public void Micro_batches_add_up_to_the_whole_update(LossAggregation aggregation)
    {
        using var scope = torch.NewDisposeScope();
        var batch = Batch.Create(torch.ScalarType.Float64);
        var weights = TokenWeights.OfMask(aggregation, batch.Counts, batch.Mask);
        var whole = PolicyLoss.Compute(batch.New, batch.Old, batch.Advantages, weights, new LossSpec());
        whole.Loss.backward();
        double[] wholeGradient = GoldenTensor.ToArray(batch.New.grad!);
        batch.New.grad!.zero_();

        double loss = 0;
        PolicyLossSums sums = default;
        foreach (var (first, count) in ((long, long)[])[(0, 1), (1, 3), (4, 2)])
        {
            Tensor Rows(Tensor t) => t.narrow(0, first, count);
            var part = PolicyLoss.Compute(Rows(batch.New), Rows(batch.Old), Rows(batch.Advantages), Rows(weights), new LossSpec());
            part.Loss.backward();
            loss += part.Loss.ToDouble();
            sums += PolicyLossSums.Read(part.Sums);
        }

        Assert.Equal(whole.Loss.ToDouble(), loss, 1e-14);
        var wholeSums = PolicyLossSums.Read(whole.Sums);
        Assert.Equal(wholeSums.ClipFraction, sums.ClipFraction);
        Assert.Equal(wholeSums.LowerClipFraction, sums.LowerClipFraction);
        Assert.Equal(wholeSums.ApproximateKl, sums.ApproximateKl, 1e-14);
        Assert.Equal(wholeSums.Loss, sums.Loss, 1e-14);
        Assert.True(sums.ClipFraction > 0 && sums.LowerClipFraction > 0, "the batch must exercise both clips.");
        // Every token's gradient is its own, so the parts give the same bits.
        Assert.Equal(wholeGradient, GoldenTensor.ToArray(batch.New.grad!));
    }

    [Fact]
    public void Padding_may_hold_anything()
    {
        using var scope = torch.NewDisposeScope();
        var batch = Batch.Create(torch.ScalarType.Float32);
        var weights = TokenWeights.OfMask(LossAggregation.TokenMean, batch.Counts, batch.Mask);
        var clean = PolicyLoss.Compute(batch.New, batch.Old, batch.Advantages, weights, new LossSpec());
        clean.Loss.backward();
        double[] gradient = GoldenTensor.ToArray(batch.New.grad!);

        var outside = batch.Mask.eq(0);
        foreach (float poison in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            var poisoned = batch.New.detach().masked_fill(outside, poison).requires_grad_();
            var part = PolicyLoss.Compute(
                poisoned, batch.Old.masked_fill(outside, poison), batch.Advantages.masked_fill(outside, poison), weights, new LossSpec());
            part.Loss.backward();
            Assert.Equal(clean.Loss.ToDouble(), part.Loss.ToDouble());
            Assert.Equal(PolicyLossSums.Read(clean.Sums), PolicyLossSums.Read(part.Sums));
            Assert.Equal(gradient, GoldenTensor.ToArray(poisoned.grad!));
        }
    }

    [Fact]
    public void A_micro_batch_of_dropped_responses_adds_nothing()
    {
        using var scope = torch.NewDisposeScope();
        var batch = Batch.Create(torch.ScalarType.Float32);
        var part = PolicyLoss.Compute(batch.New, batch.Old, batch.Advantages, torch.zeros_like(batch.Mask), new LossSpec());
        part.Loss.backward();
        var sums = PolicyLossSums.Read(part.Sums);
        Assert.Equal(0, part.Loss.ToDouble());
        Assert.Equal((0.0, 0.0, 0.0), (sums.ClipFraction, sums.LowerClipFraction, sums.ApproximateKl));
        Assert.All(GoldenTensor.ToArray(batch.New.grad!), g => Assert.Equal(0, g));
    }

    [Fact]
    public void Without_dual_clip_the_loss_of_a_bad_token_grows_with_its_ratio()
    {
        using var scope = torch.NewDisposeScope();
        Tensor Of(float value) => torch.full([1, 1], value);
        double Loss(double dualClip) => PolicyLoss.Compute(Of(3), Of(0), Of(-1), Of(1), new LossSpec { DualClip = dualClip }).Loss.ToDouble();
        Assert.Equal(Math.Exp(3), Loss(0), 1e-4);
        Assert.Equal(3, Loss(3), 1e-6);
    }

    private static void Check(JsonElement one, LossAggregation aggregation)
    {
        using var scope = torch.NewDisposeScope();
        string name = one.GetProperty("name").GetString()!;
        var inputs = one.GetProperty("inputs");
        var outputs = one.GetProperty("outputs");
        var config = inputs.GetProperty("config");
        var type = GoldenTensor.TypeOf(one);
        var (absolute, relative) = type == torch.ScalarType.Float64 ? (1e-10, 1e-9) : (2e-6, 5e-6);
        Tensor Input(string key) => GoldenTensor.Read(inputs.GetProperty(key), type);
        double Setting(string key, double otherwise) =>
            config.TryGetProperty(key, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : otherwise;

        double clip = config.GetProperty("clip_ratio").GetDouble();
        var spec = new LossSpec
        {
            ClipLow = Setting("clip_ratio_low", clip), ClipHigh = Setting("clip_ratio_high", clip), DualClip = Setting("clip_ratio_c", 3), Aggregation = aggregation,
        };
        var mask = Input("response_mask");
        var old = Input("old_log_prob");
        var counts = LossCase.Counts(mask);
        var weights = TokenWeights.OfMask(aggregation, counts, mask);
        double cap = Setting("tis_imp_ratio_cap", -1);
        // Truncated importance sampling is a factor per token: it goes into the weights.
        if (cap > 0 && inputs.TryGetProperty("rollout_log_prob", out _)) { weights = weights * (old - Input("rollout_log_prob")).exp().clamp(max: cap); }

        var current = Input("log_prob").requires_grad_();
        var part = PolicyLoss.Compute(current, old, Input("advantages"), weights, spec);
        part.Loss.backward();
        var sums = PolicyLossSums.Read(part.Sums);
        double share = LossCase.ReferenceDivisor(aggregation, counts), perToken = LossCase.ReferenceDivisor(LossAggregation.TokenMean, counts);
        GoldenTensor.AssertClose(outputs.GetProperty("pg_loss").GetDouble(), part.Loss.ToDouble() * share, absolute, relative, name + " loss");
        GoldenTensor.AssertClose(outputs.GetProperty("pg_loss").GetDouble(), sums.Loss * share, absolute, relative, name + " loss in the sums");
        GoldenTensor.AssertClose(outputs.GetProperty("pg_clipfrac").GetDouble(), sums.ClipFraction * perToken, absolute, relative, name + " clip fraction");
        GoldenTensor.AssertClose(outputs.GetProperty("pg_clipfrac_lower").GetDouble(), sums.LowerClipFraction * perToken, absolute, relative, name + " lower clip fraction");
        GoldenTensor.AssertClose(outputs.GetProperty("ppo_kl").GetDouble(), sums.ApproximateKl * perToken, absolute, relative, name + " kl");
        GoldenTensor.AssertClose(outputs.GetProperty("grad_log_prob"), current.grad! * share, absolute, relative, name + " gradient");
    }

    /// <summary>Six responses of 0 to 7 tokens with ratios far enough out to exercise both clips.</summary>
    private sealed record Batch(Tensor New, Tensor Old, Tensor Advantages, Tensor Mask, UpdateCounts Counts)
    {
        public static Batch Create(torch.ScalarType type)
        {
            int[] lengths = [3, 7, 0, 1, 5, 4];
            var column = torch.arange(7).unsqueeze(0);
            var mask = column.lt(torch.tensor(lengths).unsqueeze(1)).to(type);
            var grid = torch.arange(42, dtype: torch.ScalarType.Float64).reshape(6, 7);
            return new(
                (grid * 0.7).sin().sub(1.5).to(type).requires_grad_(), (grid * 1.3).cos().sub(1.5).to(type), (grid * 2.1).sin().to(type), mask,
                UpdateCounts.Of(lengths, [.. lengths.Select(_ => true)]));
        }
    }
}
