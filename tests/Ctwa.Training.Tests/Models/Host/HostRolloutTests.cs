using Ctwa.Training.Models;
using Ctwa.Training.Models.Lora;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;
using static TorchSharp.torch;

namespace Ctwa.Training.Tests.Models.Host;

/// <summary>Generation without tensors draws what generation with them draws, and says what scoring says.</summary>
public sealed class HostRolloutTests
{
    private static readonly int[] s_lengths = [3, 40, 1, 17];

    [Theory]
    [MemberData(nameof(HostModel.Kinds), MemberType = typeof(HostModel))]
    public void Log_probabilities_are_those_of_scoring(string kind)
    {
        using var scope = NewDisposeScope();
        using var model = new HostModel(kind);
        var completions = new RolloutEngine(model.Model, CPU).Generate(Prompts(model), Settings(0.7) with { MaxNewTokens = 50 });
        Assert.Equal(s_lengths.Length * 3, completions.Length);
        Assert.Contains(completions, completion => completion.Stopped);
        Assert.Contains(completions, completion => !completion.Stopped);
        int[][] prompts = [.. completions.Select(completion => completion.Prompt.Tokens)], responses = [.. completions.Select(completion => completion.Tokens)];
        var batch = PackedBatch.ForHost(prompts, responses);
        var options = new ForwardOptions(0.7, true, false, 100, 1);
        float[] scored = PolicyForward.Floats(HostScores.LogProbabilities(model.Host, HostScores.Hidden(model.Host, batch), batch, options));
        float[] sampled = [.. completions.SelectMany(completion => completion.LogProbabilities)];
        Assert.Equal(scored.Length, sampled.Length);
        for (int i = 0; i < scored.Length; i++) { Assert.InRange(Math.Abs(scored[i] - sampled[i]), 0, 2e-5); }
    }

    [Theory]
    [InlineData(0.0, 0, 1.0)]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(1.3, 5, 1.0)]
    [InlineData(1.0, 0, 0.6)]
    public void Draws_are_those_of_the_engine_with_tensors(double temperature, int topK, double topP)
    {
        using var scope = NewDisposeScope();
        using var model = new HostModel("qwen2");
        var settings = Settings(temperature) with { TopK = topK, TopP = topP };
        var expected = new RolloutEngine(new WithoutHost(model.Model), CPU).Generate(Prompts(model), settings);
        var got = new RolloutEngine(model.Model, CPU).Generate(Prompts(model), settings);
        for (int i = 0; i < expected.Length; i++)
        {
            Assert.Equal(expected[i].Tokens, got[i].Tokens);
            Assert.Equal(expected[i].Stopped, got[i].Stopped);
            Assert.Equal((expected[i].Prompt.StepIndex, expected[i].Sample), (got[i].Prompt.StepIndex, got[i].Sample));
            for (int t = 0; t < got[i].Tokens.Length; t++) { Assert.InRange(Math.Abs(expected[i].LogProbabilities[t] - got[i].LogProbabilities[t]), 0, 2e-5); }
        }
    }

    [Fact]
    public void A_long_prompt_and_a_long_response_cross_the_blocks_of_the_cache()
    {
        using var scope = NewDisposeScope();
        using var model = new HostModel("qwen2");
        EncodedPrompt[] prompts = [new(0, 0, model.Tokens(3, 130)), new(1, 1, model.Tokens(4, 16))];
        var settings = Settings(1) with { MaxNewTokens = 100, StopTokens = [] };
        var expected = new RolloutEngine(new WithoutHost(model.Model), CPU).Generate(prompts, settings);
        var got = new RolloutEngine(model.Model, CPU).Generate(prompts, settings);
        Assert.Equal(expected.Select(one => one.Tokens), got.Select(one => one.Tokens));
    }

    private static EncodedPrompt[] Prompts(HostModel model) => [.. s_lengths.Select((length, i) => new EncodedPrompt(i, i, model.Tokens(i, length)))];

    private static SamplingSettings Settings(double temperature) => new()
    {
        Seed = 3, Purpose = RandomPurpose.Test, Step = 1, Temperature = temperature, MaxNewTokens = 24, SamplesPerPrompt = 3, StopTokens = [7, 19, 60],
    };

    /// <summary>The same model for those who know tensors only.</summary>
    private sealed class WithoutHost(IPolicyModel inner) : IPolicyModel
    {
        public int VocabularySize => inner.VocabularySize;

        public void PointGradientsAt(Tensor flatGradient) => inner.PointGradientsAt(flatGradient);

        public void PointGradientsAt(Tensor gradient, SliceRange range) => inner.PointGradientsAt(gradient, range);

        public void DropFor(DropoutIdentity? microBatch) => inner.DropFor(microBatch);

        public Tensor Hidden(TokenLayout tokens) => inner.Hidden(tokens);

        public Tensor Hidden(Tensor ids) => inner.Hidden(ids);

        public Tensor Hidden(Tensor ids, Tensor positions, Tensor attentionMask) => inner.Hidden(ids, positions, attentionMask);

        public Tensor Logits(Tensor hidden) => inner.Logits(hidden);

        public IDecodingCache NewCache(int rows, int capacity) => inner.NewCache(rows, capacity);

        public Tensor Extend(Tensor ids, Tensor positions, Tensor attentionMask, IDecodingCache cache) => inner.Extend(ids, positions, attentionMask, cache);

        public void Dispose() { }
    }
}
