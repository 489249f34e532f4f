using Ctwa.TestKit;
using Ctwa.Training.Losses;
using Ctwa.Training.Numerics;
using Ctwa.Training.Specification;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class TokenWeightsTests
{
    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void Aggregated_losses_equal_the_reference()
    {
        int found = 0;
        foreach (var one in GoldenFolder.ReferenceCases("policy_losses"))
        {
            var inputs = one.GetProperty("inputs");
            if (!inputs.TryGetProperty("fn", out var function) || function.GetString() != "agg_loss") { continue; }
            var aggregation = LossCase.Aggregation(inputs);
            found++;
            using var scope = torch.NewDisposeScope();
            var type = GoldenTensor.TypeOf(one);
            var mask = GoldenTensor.Read(inputs.GetProperty("loss_mask"), type);
            var losses = GoldenTensor.Read(inputs.GetProperty("loss_mat"), type);
            double actual = TokenWeights.WeightedSum(losses, LossCase.Weights(aggregation, mask)).ToDouble();
            double expected = GoldenTensor.Number(one.GetProperty("outputs").GetProperty("loss"));
            if (double.IsNaN(expected))
            {
                // An empty response is NaN in the reference and adds 0 here: the mean of the other rows' means over all rows.
                var perRow = MaskedReduction.Mean(losses, mask, 1);
                expected = perRow.mean().ToDouble();
            }

            GoldenTensor.AssertClose(expected, actual, 2e-6, 5e-6, one.GetProperty("name").GetString()!);
        }

        Assert.True(found > 0, "no golden case of agg_loss.");
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_entropy_loss_equals_the_reference()
    {
        int found = 0;
        foreach (var one in GoldenFolder.ReferenceCases("policy_losses"))
        {
            var inputs = one.GetProperty("inputs");
            if (!inputs.TryGetProperty("fn", out var function) || function.GetString() != "entropy_loss") { continue; }
            var aggregation = LossCase.Aggregation(inputs);
            found++;
            using var scope = torch.NewDisposeScope();
            string name = one.GetProperty("name").GetString()!;
            var type = GoldenTensor.TypeOf(one);
            var (absolute, relative) = type == torch.ScalarType.Float64 ? (1e-10, 1e-9) : (2e-6, 5e-6);
            var logits = GoldenTensor.Read(inputs.GetProperty("logits"), type).requires_grad_();
            var mask = GoldenTensor.Read(inputs.GetProperty("response_mask"), type);
            var counts = LossCase.Counts(mask);
            var loss = EntropyLoss.Compute(TokenDistribution.Entropy(logits), LossCase.Weights(aggregation, mask));
            loss.backward();
            double share = LossCase.ReferenceDivisor(aggregation, counts);
            GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("loss").GetDouble(), loss.ToDouble() * share, absolute, relative, name);
            GoldenTensor.AssertClose(one.GetProperty("outputs").GetProperty("grad_logits"), logits.grad! * share, absolute, relative, name + " gradient");
        }

        Assert.True(found > 0, "no golden case of entropy_loss.");
    }

    [Theory]
    [InlineData(LossAggregation.TokenMean)]
    [InlineData(LossAggregation.SequenceMeanTokenSum)]
    [InlineData(LossAggregation.SequenceMeanTokenMean)]
    [InlineData(LossAggregation.SequenceMeanTokenSumNorm)]
    public void Rows_and_masks_give_the_same_bits(LossAggregation aggregation)
    {
        using var scope = torch.NewDisposeScope();
        int[] lengths = [3, 0, 7, 1];
        bool[] valid = [true, true, true, false];
        var counts = UpdateCounts.Of(lengths, valid);
        Assert.Equal(new UpdateCounts(10, 3), counts);
        float[] rows = new float[4 * 7], mask = new float[4 * 7];
        for (int i = 0; i < 4; i++)
        {
            TokenWeights.FillRow(aggregation, counts, lengths[i], valid[i], rows.AsSpan(i * 7, 7), constantLength: 5);
            if (valid[i]) { mask.AsSpan(i * 7, lengths[i]).Fill(1); }
        }

        double[] fromMask = GoldenTensor.ToArray(TokenWeights.OfMask(aggregation, counts, torch.tensor(mask, [4, 7]), constantLength: 5));
        Assert.Equal(rows.Select(w => (double)w), fromMask);
        Assert.All(rows[21..], w => Assert.Equal(0f, w));
    }

    [Fact]
    public void A_constant_length_divides_sums_over_responses()
    {
        var counts = new UpdateCounts(10, 4);
        Assert.Equal(1.0 / (4 * 32), TokenWeights.PerToken(LossAggregation.SequenceMeanTokenSumNorm, counts, 3, constantLength: 32));
        Assert.Equal(0, TokenWeights.PerToken(LossAggregation.SequenceMeanTokenSumNorm, counts, 0, constantLength: 32));
        Assert.Throws<ArgumentOutOfRangeException>(() => TokenWeights.PerToken(LossAggregation.SequenceMeanTokenSumNorm, counts, 3));
    }
}
