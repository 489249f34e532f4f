using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Tests.Models;
using Ctwa.Training.Tests.Numerics;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Rollouts;

public sealed class StreamingGeneratorTests : IDisposable
{
    private static readonly SamplingSettings settings = new()
    {
        Seed = 12,
        Purpose = RandomPurpose.Test,
        Step = 0,
        Temperature = 1,
        MaxNewTokens = 30,
        SamplesPerPrompt = 1,
        StopTokens = [3, 17],
    };

    private readonly DisposeScope _scope = NewDisposeScope();
    private readonly TinyModel _tiny = new();

    [Fact]
    public void A_prompt_gets_the_bits_that_the_engine_gives_it_alone()
    {
        SamplingSettings[] variants = [settings, settings with { Temperature = 0 }, settings with { Temperature = 0.7, TopK = 9, TopP = 0.8 }, settings with { MaxNewTokens = 1 }];
        var stopped = new HashSet<bool>();
        foreach (var how in variants)
        {
            for (int i = 0; i < 8; i++)
            {
                var prompt = Prompt(i);
                var seen = new List<int>();
                var streamed = Generator().Generate(prompt, 0, how, seen.Add, CancellationToken.None);
                var expected = Assert.Single(new RolloutEngine(_tiny.Model, CPU).Generate([prompt], how));
                Assert.Equal(expected.Tokens, streamed.Tokens);
                Assert.Equal(expected.Tokens, seen);
                AssertBits.Equal(expected.LogProbabilities, streamed.LogProbabilities);
                Assert.Equal(expected.Stopped, streamed.Stopped);
                stopped.Add(streamed.Stopped);
            }
        }

        Assert.Equal(2, stopped.Count);
    }

    [Fact]
    public void Samples_of_one_prompt_are_those_of_the_engine()
    {
        var expected = new RolloutEngine(_tiny.Model, CPU).Generate([Prompt(1)], settings with { SamplesPerPrompt = 4 });
        var streamed = Enumerable.Range(0, 4).Select(sample => Generator().Generate(Prompt(1), sample, settings, _ => { }, CancellationToken.None).Tokens).ToList();
        Assert.Equal(expected.Select(completion => completion.Tokens), streamed);
        Assert.True(streamed.Select(tokens => string.Join(',', tokens)).Distinct().Count() > 1);
    }

    [Fact]
    public void A_stopped_answer_keeps_what_there_is()
    {
        using var stop = new CancellationTokenSource();
        var seen = new List<int>();
        var completion = Generator().Generate(Prompt(2), 0, settings with { StopTokens = [] }, token =>
        {
            seen.Add(token);
            if (seen.Count == 5) { stop.Cancel(); }
        }, stop.Token);
        Assert.Equal(5, completion.Tokens.Length);
        Assert.Equal(seen, completion.Tokens);
        Assert.False(completion.Stopped);
    }

    [Fact]
    public void Generation_leaves_no_tensor_behind()
    {
        void Once() => Generator().Generate(Prompt(3), 0, settings with { StopTokens = [] }, _ => { }, CancellationToken.None);
        Once(); // Rotary tables and masks are made once.
        long before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (int i = 0; i < 3; i++) { Once(); }
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);
    }

    public void Dispose()
    {
        _tiny.Dispose();
        _scope.Dispose();
    }

    private static EncodedPrompt Prompt(int i) => new(i, i, [.. Enumerable.Range(0, 1 + (i * 5 % 9)).Select(t => CounterRandom.Below(37, 5, RandomPurpose.Test, i, t, 0, 0))]);

    private StreamingGenerator Generator() => new(_tiny.Model, CPU);
}
