using System.Runtime.InteropServices;
using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Numerics;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Tests.Models;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Rollouts;

/// <summary>Decoding with the key/value cache against the reference's.</summary>
[Trait("Category", GoldenFolder.Category)]
public sealed class GreedyGoldenTests
{
    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void The_likeliest_tokens_and_their_log_probabilities_are_those_of_the_reference(string name)
    {
        using var golden = GoldenModel.Open(name);
        foreach (string key in (string[])["a", "b"])
        {
            var expected = golden.Values.GetProperty("greedy").GetProperty(key);
            int[][] tokens = Rows(expected.GetProperty("new_tokens"), value => value.GetInt32());
            double[][] logProbabilities = Rows(expected.GetProperty("chosen_logprob"), value => value.GetDouble());
            var completions = Decode(golden, key, tokens.Max(row => row.Length), stopTokens: []);
            Assert.Equal(tokens.Length, completions.Length);
            for (int row = 0; row < tokens.Length; row++)
            {
                Assert.Equal(tokens[row], completions[row].Tokens);
                Assert.False(completions[row].Stopped);
                double largest = logProbabilities[row].Zip(completions[row].LogProbabilities, (want, got) => Math.Abs(want - got)).Max();
                golden.AssertWithin(largest, 1e-4, $"log-probabilities of row {row} of {key}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void Every_row_ends_with_its_stop_token(string name)
    {
        using var golden = GoldenModel.Open(name);
        var expected = golden.Values.GetProperty("greedy_eos");
        int[][] tokens = Rows(expected.GetProperty("new_tokens"), value => value.GetInt32());
        int stop = expected.GetProperty("eos_token_id").GetInt32();
        var completions = Decode(golden, expected.GetProperty("batch").GetString()!, tokens.Max(row => row.Length), [stop]);
        Assert.Equal(tokens, completions.Select(completion => completion.Tokens));
        Assert.Equal(tokens.Select(row => row[^1] == stop), completions.Select(completion => completion.Stopped));
        Assert.Contains(completions, completion => completion.Stopped);
    }

    [Theory]
    [MemberData(nameof(GoldenModel.Names), MemberType = typeof(GoldenModel))]
    public void The_cache_follows_the_reference_token_by_token(string name)
    {
        // The prompt in two pieces, then single tokens that the reference gives: errors do not add up, and every shape of Extend is met.
        using var golden = GoldenModel.Open(name);
        using var noGrad = no_grad();
        int[][] tokens = Rows(golden.Values.GetProperty("greedy").GetProperty("b").GetProperty("new_tokens"), value => value.GetInt32());
        double[][] logProbabilities = Rows(golden.Values.GetProperty("greedy").GetProperty("b").GetProperty("chosen_logprob"), value => value.GetDouble());
        var (ids, mask) = (golden.Tensor("b.input_ids"), golden.Tensor("b.attention_mask"));
        long width = ids.size(1), half = width / 2;
        using var cache = golden.Model.NewCache(tokens.Length, (int)width + tokens[0].Length);
        var positions = golden.Tensor("b.position_ids");
        golden.Model.Extend(ids.narrow(1, 0, half), positions.narrow(1, 0, half), mask.narrow(1, 0, half), cache);
        var hidden = golden.Model.Extend(ids.narrow(1, half, width - half), positions.narrow(1, half, width - half), mask, cache);
        var next = mask.sum(dim: 1).unsqueeze(1);
        for (int i = 0; i < tokens[0].Length; i++)
        {
            var chosen = tensor(tokens.Select(row => (long)row[i]).ToArray());
            var actual = TokenDistribution.LogProbabilities(golden.Model.Logits(hidden), chosen);
            golden.AssertWithin(tensor(logProbabilities.Select(row => row[i]).ToArray()), actual, 1e-4, $"log-probabilities of token {i}");
            if (i + 1 == tokens[0].Length) { break; }
            mask = cat([mask, ones_like(next)], 1);
            hidden = golden.Model.Extend(chosen.unsqueeze(1), next + i, mask, cache);
        }
    }

    /// <summary>Decodes a reference batch's prompts, taken out of their padding, by the product's engine.</summary>
    private static Completion[] Decode(GoldenModel golden, string key, int length, IReadOnlyList<int> stopTokens)
    {
        using var scope = NewDisposeScope();
        var ids = golden.Tensor($"{key}.input_ids");
        long[][] tokens = Longs(ids), mask = Longs(golden.Tensor($"{key}.attention_mask"));
        EncodedPrompt[] prompts = [.. tokens.Select((row, i) => new EncodedPrompt(i, i, [.. row.Where((_, t) => mask[i][t] == 1).Select(id => (int)id)]))];
        var settings = new SamplingSettings { Seed = 1, Purpose = RandomPurpose.Test, Step = 0, Temperature = 0, MaxNewTokens = length, SamplesPerPrompt = 1, StopTokens = stopTokens };
        return new RolloutEngine(golden.Model, CPU).Generate(prompts, settings);
    }

    private static long[][] Longs(Tensor tensor) => [.. MemoryMarshal.Cast<byte, long>(tensor.bytes).ToArray().Chunk((int)tensor.size(1))];

    private static T[][] Rows<T>(JsonElement rows, Func<JsonElement, T> read) => [.. rows.EnumerateArray().Select(row => row.EnumerateArray().Select(read).ToArray())];
}
