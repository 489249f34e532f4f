using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Steps;
using Ctwa.Training.Tests.Models;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Rollouts;

public sealed class RolloutEngineTests : IDisposable
{
    private const double Agreement = 2e-5;
    private static readonly int[] stopTokens = [3, 17];

    private static readonly SamplingSettings settings = new()
    {
        Seed = 12,
        Purpose = RandomPurpose.Sampling,
        Step = 3,
        Temperature = 1,
        MaxNewTokens = 30,
        SamplesPerPrompt = 5,
        StopTokens = stopTokens,
    };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TinyModel _tiny = new();

    [Theory]
    [InlineData(1.0)]
    [InlineData(0.6)]
    [InlineData(1.7)]
    public void Log_probabilities_are_those_of_a_full_pass_at_the_sampling_temperature(double temperature)
    {
        var completions = Generate(Prompts(6), settings with { Temperature = temperature });
        Assert.True(Leavers(completions) > completions.Length / 2, "no row left the batch early: the test would not see a wrong compaction.");
        Assert.InRange(LargestDifference(completions, temperature), 0, Agreement);
        // The comparison must be able to fail: at another temperature the numbers are others.
        Assert.True(LargestDifference(completions, temperature * 1.01) > 10 * Agreement);
    }

    [Fact]
    public void A_response_ends_with_its_first_stop_token_or_at_the_length_limit()
    {
        foreach (int limit in (int[])[1, 2, 13])
        {
            var completions = Generate(Prompts(6), settings with { MaxNewTokens = limit });
            foreach (var completion in completions)
            {
                Assert.InRange(completion.Tokens.Length, 1, limit);
                Assert.Equal(completion.Tokens.Length, completion.LogProbabilities.Length);
                Assert.DoesNotContain(completion.Tokens[..^1], stopTokens.Contains);
                Assert.Equal(completion.Stopped, stopTokens.Contains(completion.Tokens[^1]));
                if (!completion.Stopped) { Assert.Equal(limit, completion.Tokens.Length); }
            }

            Assert.Contains(completions, completion => completion.Stopped);
            Assert.Contains(completions, completion => !completion.Stopped);
        }
    }

    [Theory]
    [InlineData(4)]
    [InlineData(16)]
    [InlineData(100)]
    public void Looking_at_tokens_less_often_draws_the_same_tokens(int blockLength)
    {
        foreach (int limit in (int[])[1, 13, 30])
        {
            var expected = Generate(Prompts(6), settings with { MaxNewTokens = limit });
            var recorder = new RecordingModel(_tiny.Model);
            var completions = new RolloutEngine(recorder, CPU, blockLength).Generate(Prompts(6), settings with { MaxNewTokens = limit });
            for (int i = 0; i < expected.Length; i++)
            {
                Assert.Equal(expected[i].Tokens, completions[i].Tokens);
                Assert.Equal(expected[i].Stopped, completions[i].Stopped);
                for (int t = 0; t < expected[i].Tokens.Length; t++) { Assert.Equal(expected[i].LogProbabilities[t], completions[i].LogProbabilities[t], Agreement); }
            }

            // Rows leave at the ends of blocks, and still do.
            if (limit == 30 && blockLength < 30) { Assert.True(recorder.Extensions[^1].Rows < expected.Length); }
        }
    }

    [Fact]
    public void Completions_are_ordered_by_prompt_and_sample()
    {
        var prompts = Prompts(4);
        var completions = Generate(prompts, settings);
        Assert.Equal(prompts.SelectMany(prompt => Enumerable.Range(0, 5).Select(sample => (prompt, sample))), completions.Select(completion => (completion.Prompt, completion.Sample)));
        Assert.Empty(Generate([], settings));
    }

    [Fact]
    public void Rows_leave_once_half_of_the_batch_has_finished()
    {
        var recorder = new RecordingModel(_tiny.Model);
        var prompts = Prompts(6);
        var completions = new RolloutEngine(recorder, CPU).Generate(prompts, settings);
        Assert.Equal((6, prompts.Max(prompt => prompt.Tokens.Length)), recorder.Extensions[0]);
        // One call per further token, and none after the last response has ended.
        Assert.Equal(completions.Max(completion => completion.Tokens.Length) - 1, recorder.Extensions.Count - 1);
        int rows = completions.Length;
        for (int position = 0; position < recorder.Extensions.Count - 1; position++)
        {
            int unfinished = completions.Count(completion => completion.Tokens.Length > position + 1);
            if (unfinished <= rows / 2) { rows = unfinished; }
            Assert.Equal((rows, 1), recorder.Extensions[position + 1]);
        }

        Assert.InRange(rows, 1, completions.Length / 4);
    }

    [Fact]
    public void A_prompts_rollouts_do_not_depend_on_the_other_rows()
    {
        var prompts = Prompts(8);
        var together = Generate(prompts, settings).ToDictionary(completion => (completion.Prompt.StepIndex, completion.Sample));
        // Parts differ in width, in rows and in when they shrink; the draws are the same, and so are the tokens but for ties.
        var parts = (EncodedPrompt[][])[prompts[..4], prompts[4..], [prompts[2]], [.. prompts.Reverse()]];
        Assert.True(parts.Select(part => part.Max(prompt => prompt.Tokens.Length)).Distinct().Count() > 1);
        foreach (var part in parts)
        {
            foreach (var completion in Generate(part, settings))
            {
                var expected = together[(completion.Prompt.StepIndex, completion.Sample)];
                Assert.Equal(expected.Tokens, completion.Tokens);
                Assert.Equal(expected.Stopped, completion.Stopped);
                for (int t = 0; t < expected.Tokens.Length; t++) { Assert.Equal(expected.LogProbabilities[t], completion.LogProbabilities[t], Agreement); }
            }
        }
    }

    [Fact]
    public void The_same_request_gives_the_same_bits()
    {
        var first = Generate(Prompts(5), settings);
        var second = Generate(Prompts(5), settings);
        Assert.Equal(first.Select(completion => completion.Tokens), second.Select(completion => completion.Tokens));
        for (int i = 0; i < first.Length; i++) { AssertBits.Equal(first[i].LogProbabilities, second[i].LogProbabilities); }
    }

    [Fact]
    public void Draws_differ_between_samples_steps_purposes_seeds_and_prompts()
    {
        var prompt = Prompts(1)[0];
        SamplingSettings[] variants = [settings, settings with { Step = 4 }, settings with { Purpose = RandomPurpose.Validation }, settings with { Seed = 13 }];
        var completions = variants.SelectMany(variant => Generate([prompt], variant)).Concat(Generate([prompt with { StepIndex = 9 }], settings));
        // Long enough not to agree by chance.
        var texts = completions.Where(completion => completion.Tokens.Length >= 6).Select(completion => string.Join(',', completion.Tokens)).ToList();
        Assert.True(texts.Count >= 10, $"only {texts.Count} long responses.");
        Assert.Equal(texts.Count, texts.Distinct().Count());
    }

    [Fact]
    public void Truncation_reaches_the_sampler()
    {
        var prompts = Prompts(4);
        var greedy = Generate(prompts, settings with { Temperature = 0 });
        foreach (var narrow in (SamplingSettings[])[settings with { TopK = 1 }, settings with { TopP = 0 }])
        {
            var completions = Generate(prompts, narrow);
            Assert.Equal(greedy.Select(completion => completion.Tokens), completions.Select(completion => completion.Tokens));
            Assert.All(completions, completion => Assert.All(completion.LogProbabilities, value => Assert.Equal(0f, value)));
        }
    }

    [Fact]
    public void Generation_leaves_no_tensor_behind()
    {
        var prompts = Prompts(4);
        Generate(prompts, settings); // Rotary tables and masks are made once.
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++) { Generate(prompts, settings with { Step = i, TopK = i, TopP = 0.9 }); }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    public void Dispose()
    {
        _tiny.Dispose();
        _scope.Dispose();
    }

    /// <summary>Prompts of 1 to 11 tokens, none twice of the same length in a row.</summary>
    private static EncodedPrompt[] Prompts(int count) => [.. Enumerable.Range(0, count).Select(i =>
        new EncodedPrompt(i, 100 + i, [.. Enumerable.Range(0, 1 + (i * 7 % 11)).Select(t => CounterRandom.Below(37, 5, RandomPurpose.Test, i, t, 0, 0))]))];

    private static int Leavers(Completion[] completions) => completions.Count(completion => completion.Tokens.Length < settings.MaxNewTokens / 2);

    private Completion[] Generate(EncodedPrompt[] prompts, SamplingSettings how) => new RolloutEngine(_tiny.Model, CPU).Generate(prompts, how);

    /// <summary>Against right-padded full passes without a cache, with a softmax in float64.</summary>
    private double LargestDifference(Completion[] completions, double temperature)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var batch = PackedBatch.Of([.. completions.Select(completion => completion.Prompt.Tokens)], [.. completions.Select(completion => completion.Tokens)], CPU);
        var logits = _tiny.Model.Logits(batch.SelectResponses(_tiny.Model.Hidden(batch.Sequences))).to(float64);
        var scored = (logits / temperature).log_softmax(-1).gather(1, batch.Targets.unsqueeze(1)).squeeze(1);
        return (scored - tensor(completions.SelectMany(completion => completion.LogProbabilities).ToArray())).abs().max().item<double>();
    }
}
