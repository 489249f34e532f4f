using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class PolicyLossTests
{
    [Theory]
    [InlineData(LossAggregation.TokenMean)]
    [InlineData(LossAggregation.SequenceMeanTokenSum)]
    [InlineData(LossAggregation.SequenceMeanTokenMean)]
    public void Micro_batches_add_up_to_the_whole_update(LossAggregation aggregation)
    {
        using var scope = torch.NewDisposeScope();
        var batch = Batch.Create(torch.ScalarType.Float64);
        var weights = TokenWeights.OfMask(aggregation, batch.Counts, batch.Mask);
        var whole = PolicyLoss.Compute(new LossTokens(batch.New, batch.Old, batch.Advantages, weights), new LossSpec());
        whole.Loss.backward();
        double[] wholeGradient = GoldenTensor.ToArray(batch.New.grad!);
        batch.New.grad!.zero_();

        double loss = 0;
        PolicyLossSums sums = default;
        foreach (var (first, count) in ((long, long)[])[(0, 1), (1, 3), (4, 2)])
        {
            Tensor Rows(Tensor t) => t.narrow(0, first, count);
            var part = PolicyLoss.Compute(new LossTokens(Rows(batch.New), Rows(batch.Old), Rows(batch.Advantages), Rows(weights)), new LossSpec());
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

    [Theory]
    [InlineData(LossKind.Ppo)]
    [InlineData(LossKind.Gpg)]
    [InlineData(LossKind.Cispo)]
    public void Padding_may_hold_anything(LossKind kind)
    {
        using var scope = torch.NewDisposeScope();
        var batch = Batch.Create(torch.ScalarType.Float32);
        var weights = TokenWeights.OfMask(LossAggregation.TokenMean, batch.Counts, batch.Mask);
        var clean = PolicyLoss.Compute(new LossTokens(batch.New, batch.Old, batch.Advantages, weights), new LossSpec { Kind = kind });
        clean.Loss.backward();
        double[] gradient = GoldenTensor.ToArray(batch.New.grad!);

        var outside = batch.Mask.eq(0);
        foreach (float poison in (float[])[float.NaN, float.PositiveInfinity, float.NegativeInfinity])
        {
            var poisoned = batch.New.detach().masked_fill(outside, poison).requires_grad_();
            var part = PolicyLoss.Compute(
                new LossTokens(poisoned, batch.Old.masked_fill(outside, poison), batch.Advantages.masked_fill(outside, poison), weights), new LossSpec { Kind = kind });
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
        var part = PolicyLoss.Compute(new LossTokens(batch.New, batch.Old, batch.Advantages, torch.zeros_like(batch.Mask)), new LossSpec());
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
        double Loss(double dualClip) => PolicyLoss.Compute(new LossTokens(Of(3), Of(0), Of(-1), Of(1)), new LossSpec { DualClip = dualClip }).Loss.ToDouble();
        Assert.Equal(Math.Exp(3), Loss(0), 1e-4);
        Assert.Equal(3, Loss(3), 1e-6);
    }

    [Fact]
    public void Every_token_of_a_response_has_its_sequence_ratio_but_its_own_gradient()
    {
        using var scope = torch.NewDisposeScope();
        var current = torch.tensor(new[] { -1.0, -1.1, -2.0 }).requires_grad_();
        var old = torch.tensor(new[] { -1.2, -1.1, -2.0 });
        var tokens = new LossTokens(current, old, torch.tensor(new[] { 1.0, 1.0, -1.0 }), torch.full([3], 1.0 / 3, torch.ScalarType.Float64)) { Lengths = [2, 1] };
        var part = PolicyLoss.Compute(tokens, new LossSpec { Kind = LossKind.Gspo });
        part.Loss.backward();
        double ratio = Math.Exp(0.1);
        Assert.Equal(((-2 * ratio) + 1) / 3, part.Loss.ToDouble(), 1e-7);
        double[] gradient = GoldenTensor.ToArray(current.grad!);
        Assert.Equal(-ratio / 3, gradient[0], 1e-7);
        Assert.Equal(-ratio / 3, gradient[1], 1e-7);
        Assert.Equal(1.0 / 3, gradient[2], 1e-7);
    }

    [Fact]
    public void A_geometric_mean_honours_the_aggregation()
    {
        // One response of 1 token and one of 3: with token_mean the long one weighs three times as much.
        using var scope = torch.NewDisposeScope();
        var zeros = torch.zeros([4], torch.ScalarType.Float64);
        var advantages = torch.tensor(new[] { 1.0, -2.0, -2.0, -2.0 });
        double Loss(LossAggregation aggregation)
        {
            double[] weights = [.. ((long[])[1, 3, 3, 3]).Select(length => TokenWeights.PerToken(aggregation, new UpdateCounts(4, 2), length))];
            return PolicyLoss.Compute(new LossTokens(zeros, zeros, advantages, torch.tensor(weights)) { Lengths = [1, 3] }, new LossSpec { Kind = LossKind.Gmpo }).Loss.ToDouble();
        }

        Assert.Equal((-1 + 6) / 4.0, Loss(LossAggregation.TokenMean), 1e-7);
        Assert.Equal((-1 + 2) / 2.0, Loss(LossAggregation.SequenceMeanTokenMean), 1e-7);
        Assert.Equal((-1 + 6) / 2.0, Loss(LossAggregation.SequenceMeanTokenSum), 1e-7);
    }

    [Theory]
    [InlineData(LossKind.Gspo)]
    [InlineData(LossKind.Gmpo)]
    public void An_empty_response_adds_nothing_to_a_sequence_loss(LossKind kind)
    {
        using var scope = torch.NewDisposeScope();
        var current = torch.tensor(new[] { -1.0, -2.0 }).requires_grad_();
        LossTokens Tokens(int[] lengths) => new(current, torch.tensor(new[] { -1.1, -1.9 }), torch.tensor(new[] { 1.0, 1.0 }), torch.full([2], 0.25, torch.ScalarType.Float64)) { Lengths = lengths };
        double with = PolicyLoss.Compute(Tokens([0, 2, 0]), new LossSpec { Kind = kind }).Loss.ToDouble();
        Assert.Equal(PolicyLoss.Compute(Tokens([2]), new LossSpec { Kind = kind }).Loss.ToDouble(), with);
        Assert.True(double.IsFinite(with));
    }

    [Fact]
    public void Cispo_bounds_the_weight_of_a_token_and_keeps_its_gradient()
    {
        using var scope = torch.NewDisposeScope();
        var current = torch.tensor(new[] { -1.0, -1.0 }).requires_grad_();
        var tokens = new LossTokens(current, torch.tensor(new[] { -2.0, -1.0 }), torch.tensor(new[] { 2.0, 2.0 }), torch.ones([2], torch.ScalarType.Float64));
        var part = PolicyLoss.Compute(tokens, new LossSpec { Kind = LossKind.Cispo });
        part.Loss.backward();
        Assert.Equal([-2 * 1.2, -2], GoldenTensor.ToArray(current.grad!).Select(g => Math.Round(g, 9)));
        Assert.Equal(0.5, PolicyLossSums.Read(part.Sums).ClipFraction);
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
