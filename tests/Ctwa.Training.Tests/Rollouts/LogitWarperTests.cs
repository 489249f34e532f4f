using Ctwa.TestKit;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Tests.Models;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Rollouts;

public sealed class LogitWarperTests
{
    private const float Removed = float.NegativeInfinity;

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    [Trait("Category", GoldenFolder.Category)]
    public void Kept_tokens_and_their_log_probabilities_are_those_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        using var noGrad = no_grad();
        var logits = golden.Model.Logits(golden.Model.Hidden(golden.Tensor("a.input_ids")).select(1, -1));
        var warpers = golden.Values.GetProperty("warpers").EnumerateArray().ToList();
        Assert.NotEmpty(warpers);
        foreach (var warper in warpers)
        {
            string key = warper.GetProperty("key").GetString()!;
            var warped = LogitWarper.Apply(logits, warper.GetProperty("temperature").GetDouble(), warper.GetProperty("top_k").GetInt32(), warper.GetProperty("top_p").GetDouble());
            var expected = golden.Tensor(key);
            var kept = expected.gt(-1e29);
            Assert.True(kept.equal(warped.isfinite()).all().item<bool>(), $"{name}, {key}: other tokens are kept.");
            Assert.Equal(warper.GetProperty("kept").EnumerateArray().Select(count => count.GetInt64()), Longs(warped.isfinite().sum(dim: 1)));
            golden.AssertWithin(expected, TokenSampler.LogDistribution(warped, 1), 1e-4, key, kept);
        }
    }

    [Theory]
    [InlineData(1.0, 0, 1.0, new[] { 1f, 3, 2, 0 })]
    [InlineData(2.0, 0, 1.0, new[] { .5f, 1.5f, 1, 0 })]
    [InlineData(1.0, 4, 1.0, new[] { 1f, 3, 2, 0 })]
    [InlineData(1.0, 9, 1.0, new[] { 1f, 3, 2, 0 })]
    [InlineData(1.0, 2, 1.0, new[] { Removed, 3f, 2, Removed })]
    [InlineData(1.0, 1, 1.0, new[] { Removed, 3f, Removed, Removed })]
    [InlineData(1.0, 0, 0.0, new[] { Removed, 3f, Removed, Removed })]
    // Probabilities .087, .644, .237, .032; after top-k 2: .731, .269.
    [InlineData(1.0, 0, 0.9, new[] { 1f, 3, 2, Removed })]
    [InlineData(1.0, 0, 0.7, new[] { Removed, 3f, 2, Removed })]
    [InlineData(1.0, 2, 0.7, new[] { Removed, 3f, Removed, Removed })]
    public void Settings_apply_in_order(double temperature, int topK, double topP, float[] expected)
    {
        using var scope = NewDisposeScope();
        AssertBits.Equal(expected, AssertBits.Floats(LogitWarper.Apply(tensor(new float[] { 1, 3, 2, 0 }).unsqueeze(0), temperature, topK, topP)));
    }

    [Fact]
    public void Ties_with_the_last_of_the_top_k_stay()
    {
        using var scope = NewDisposeScope();
        AssertBits.Equal([2, Removed, 2, 2], AssertBits.Floats(LogitWarper.Apply(tensor(new float[] { 2, 1, 2, 2 }).unsqueeze(0), 1, 2, 1)));
    }

    [Fact]
    public void Kept_tokens_are_the_fewest_likeliest_that_hold_the_probability()
    {
        using var scope = NewDisposeScope();
        const int Rows = 50, Vocabulary = 37;
        float[] numbers = [.. Enumerable.Range(0, Rows * Vocabulary).Select(i => (float)(2 * CounterRandom.Normal(3, RandomPurpose.Test, 0, i, 0, 0)))];
        var logits = tensor(numbers, [Rows, Vocabulary]);
        foreach (double topP in (double[])[0.1, 0.5, 0.9, 0.999])
        {
            float[][] warped = [.. AssertBits.Floats(LogitWarper.Apply(logits, 1, 0, topP)).Chunk(Vocabulary)];
            for (int row = 0; row < Rows; row++)
            {
                double[] weights = [.. numbers[(row * Vocabulary)..((row + 1) * Vocabulary)].Select(logit => Math.Exp(logit))];
                double total = weights.Sum(), held = 0;
                int[] likeliest = [.. Enumerable.Range(0, Vocabulary).OrderByDescending(i => weights[i])];
                int count = 0;
                while (held < topP) { held += weights[likeliest[count++]] / total; }
                Assert.Equal(likeliest[..count].Order(), Enumerable.Range(0, Vocabulary).Where(i => float.IsFinite(warped[row][i])));
            }
        }
    }

    [Theory]
    [InlineData(0.0, 0, 1.0)]
    [InlineData(double.NaN, 0, 1.0)]
    [InlineData(1.0, -1, 1.0)]
    [InlineData(1.0, 0, -0.1)]
    [InlineData(1.0, 0, 1.1)]
    [InlineData(1.0, 0, double.NaN)]
    public void Settings_outside_their_range_are_refused(double temperature, int topK, double topP)
    {
        using var scope = NewDisposeScope();
        Assert.Throws<ArgumentOutOfRangeException>(() => LogitWarper.Apply(ones(1, 4), temperature, topK, topP));
    }

    private static long[] Longs(Tensor tensor) => tensor.data<long>().ToArray();
}
