using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Rollouts;

public sealed class TokenSamplerTests : IDisposable
{
    private const int Vocabulary = 20;
    private static readonly float[] logits = [.. Enumerable.Range(0, Vocabulary).Select(i => (float)(1.5 * CounterRandom.Normal(4, RandomPurpose.Test, 0, i, 0, 0)))];

    private readonly DisposeScope _scope = NewDisposeScope();

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.7, 0, 1.0)]
    [InlineData(1.6, 0, 1.0)]
    [InlineData(1.0, 6, 1.0)]
    [InlineData(1.3, 0, 0.8)]
    [InlineData(1.3, 12, 0.9)]
    public void Tokens_are_drawn_as_often_as_their_probability_says(double temperature, int topK, double topP)
    {
        const int Draws = 40_000;
        var (tokens, logProbabilities) = Sample(Draws, temperature, Uniforms(Draws), topK, topP);
        double[] probabilities = Probabilities(temperature, topK, topP);
        double[] expected = [.. probabilities.Select(probability => probability * Draws)];
        double statistic = 0;
        for (int token = 0; token < Vocabulary; token++)
        {
            int count = tokens.Count(drawn => drawn == token);
            if (expected[token] == 0) { Assert.Equal(0, count); }
            else { statistic += (count - expected[token]) * (count - expected[token]) / expected[token]; }
        }

        // Chi-square with at most 19 degrees of freedom: beyond 50 less than once in 8,000.
        Assert.InRange(statistic, 0.1, 50);
        for (int i = 0; i < Draws; i++) { Assert.Equal(Math.Log(probabilities[tokens[i]]), logProbabilities[i], 1e-5); }
    }

    [Fact]
    public void A_token_is_where_the_cumulative_distribution_passes_the_uniform_number()
    {
        double[] probabilities = Probabilities(1, 0, 1);
        double[] edges = [0, .. probabilities.Select((_, i) => probabilities[..(i + 1)].Sum())];
        for (int token = 0; token < Vocabulary; token++)
        {
            double inside = 1e-3 * probabilities[token];
            var (tokens, _) = Sample(2, 1, [edges[token] + inside, edges[token + 1] - inside]);
            Assert.Equal([token, token], tokens);
        }
    }

    [Fact]
    public void The_ends_of_the_unit_interval_give_tokens_that_can_occur()
    {
        // Impossible tokens at both ends of the vocabulary, as a truncation leaves them.
        float[] ends = [-1e9f, 1, 2, 1, -1e9f];
        long[] tokens = new long[2];
        TokenSampler.Sample(tensor(ends).repeat(2, 1), 1, [0, 1 - double.Pow(2, -53)], tokens, new float[2]);
        Assert.Equal([1, 3], tokens);
    }

    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(3, 0.5)]
    public void Temperature_0_takes_the_likeliest_token_and_tells_its_log_probability_at_1(int topK, double topP)
    {
        int likeliest = Array.IndexOf(logits, logits.Max());
        var (tokens, logProbabilities) = Sample(3, 0, [0, 0.5, 0.999], topK, topP);
        Assert.All(tokens, token => Assert.Equal(likeliest, token));
        Assert.All(logProbabilities, value => Assert.Equal(Math.Log(Probabilities(1, 0, 1)[likeliest]), value, 1e-5));
    }

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.7)]
    public void A_truncation_that_keeps_everything_changes_no_draw(double temperature)
    {
        double[] uniforms = Uniforms(2000);
        var (tokens, logProbabilities) = Sample(2000, temperature, uniforms);
        var (others, otherLogProbabilities) = Sample(2000, temperature, uniforms, topK: Vocabulary);
        Assert.Equal(tokens, others);
        AssertBits.Equal(logProbabilities, otherLogProbabilities);
    }

    public void Dispose() => _scope.Dispose();

    private static double[] Uniforms(int count) => [.. Enumerable.Range(0, count).Select(i => CounterRandom.Uniform(9, RandomPurpose.Test, 0, i, 0, 0))];

    private static (long[] Tokens, float[] LogProbabilities) Sample(int rows, double temperature, double[] uniforms, int topK = 0, double topP = 1)
    {
        long[] tokens = new long[rows];
        float[] logProbabilities = new float[rows];
        TokenSampler.Sample(tensor(logits).repeat(rows, 1), temperature, uniforms, tokens, logProbabilities, topK, topP);
        return (tokens, logProbabilities);
    }

    /// <summary>The distribution in float64, written out: temperature, the k likeliest, then the fewest likeliest that hold p.</summary>
    private static double[] Probabilities(double temperature, int topK, double topP)
    {
        double[] weights = [.. logits.Select(logit => Math.Exp(logit / temperature))];
        int[] likeliest = [.. Enumerable.Range(0, Vocabulary).OrderByDescending(i => weights[i])];
        int count = topK > 0 ? topK : Vocabulary;
        double total = likeliest.Take(count).Sum(i => weights[i]), held = 0;
        int kept = 0;
        while (kept < count && held < topP) { held += weights[likeliest[kept++]] / total; }
        var left = likeliest.Take(kept).ToHashSet();
        total = left.Sum(i => weights[i]);
        return [.. Enumerable.Range(0, Vocabulary).Select(i => left.Contains(i) ? weights[i] / total : 0)];
    }
}
