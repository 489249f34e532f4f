using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Rollouts;

/// <summary>
/// Batched generation with a key/value cache. A prompt is run once and its cache shared out to its samples; rows that
/// finish leave the batch when half of it has. All shapes are functions of the prompts and the draws, so the same
/// shard gives the same bits anywhere. It knows token ids, not texts.
/// </summary>
public sealed class RolloutEngine(IPolicyModel model, Device device)
{
    /// <summary>Samples every prompt; completions are ordered by prompt, then by sample.</summary>
    public Completion[] Generate(IReadOnlyList<EncodedPrompt> prompts, SamplingSettings settings)
    {
        if (prompts.Count == 0) { return []; }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        int samples = settings.SamplesPerPrompt, rows = prompts.Count * samples;
        int width = prompts.Max(prompt => prompt.Tokens.Length);
        using var cache = model.NewCache(prompts.Count, width + settings.MaxNewTokens);

        var (ids, positions, mask) = LeftPad(prompts, width, settings.MaxNewTokens);
        var hidden = model.Extend(ids, positions, mask.narrow(1, 0, width), cache);
        var repeated = arange(Scalars.Of(0), Scalars.Of(prompts.Count), Scalars.One, ScalarType.Int64, device: device).repeat_interleave(samples);
        cache.Select(repeated);
        hidden = hidden.index_select(0, repeated);
        mask = mask.index_select(0, repeated);
        // From here on a row's position is its prompt's length plus the tokens drawn so far.
        var nextPosition = tensor(Enumerable.Range(0, rows).Select(r => (long)prompts[r / samples].Tokens.Length).ToArray(), device: device);

        var drawn = Enumerable.Range(0, rows).Select(r => new Draft(prompts[r / samples], r % samples)).ToArray();
        var alive = (Draft[])drawn.Clone();
        for (int position = 0; position < settings.MaxNewTokens; position++)
        {
            using var tokenScope = NewDisposeScope();
            long[] tokens = Draw(alive, model.Logits(hidden), settings, position);
            int left = alive.Count(draft => !draft.Stopped);
            if (left == 0 || position + 1 == settings.MaxNewTokens) { break; }

            if (left <= alive.Length / 2)
            {
                int[] kept = [.. Enumerable.Range(0, alive.Length).Where(i => !alive[i].Stopped)];
                var selection = tensor(kept.Select(i => (long)i).ToArray(), device: device);
                cache.Select(selection);
                mask = Replace(mask, mask.index_select(0, selection));
                nextPosition = Replace(nextPosition, nextPosition.index_select(0, selection));
                alive = [.. kept.Select(i => alive[i])];
                tokens = [.. kept.Select(i => tokens[i])];
            }

            var next = model.Extend(tensor(tokens, device: device).unsqueeze(1), nextPosition.unsqueeze(1), mask.narrow(1, 0, width + position + 1), cache);
            hidden = Replace(hidden, next);
            nextPosition.add_(Scalars.One, Scalars.One);
        }

        return [.. drawn.Select(draft => draft.Finish())];
    }

    /// <summary>Moves a tensor that the next token needs out of the token's scope and frees its predecessor.</summary>
    private static Tensor Replace(Tensor old, Tensor replacement)
    {
        var kept = replacement.MoveToOuterDisposeScope();
        old.Dispose();
        return kept;
    }

    private static long[] Draw(Draft[] alive, Tensor logits, SamplingSettings settings, int position)
    {
        var uniforms = new double[alive.Length];
        for (int i = 0; i < alive.Length; i++)
        {
            uniforms[i] = CounterRandom.Uniform(settings.Seed, settings.Purpose, settings.Step, alive[i].Prompt.StepIndex, alive[i].Sample, position);
        }

        long[] tokens = new long[alive.Length];
        float[] logProbabilities = new float[alive.Length];
        TokenSampler.Sample(logits, settings.Temperature, uniforms, tokens, logProbabilities, settings.TopK, settings.TopP);
        for (int i = 0; i < alive.Length; i++)
        {
            if (!alive[i].Stopped) { alive[i].Add((int)tokens[i], logProbabilities[i], settings.StopTokens); }
        }

        return tokens;
    }

    private (Tensor Ids, Tensor Positions, Tensor Mask) LeftPad(IReadOnlyList<EncodedPrompt> prompts, int width, int room)
    {
        long[] ids = new long[prompts.Count * width], positions = new long[prompts.Count * width];
        long[] mask = new long[prompts.Count * (width + room)];
        for (int row = 0; row < prompts.Count; row++)
        {
            int[] tokens = prompts[row].Tokens;
            int padding = width - tokens.Length;
            for (int i = 0; i < tokens.Length; i++)
            {
                ids[row * width + padding + i] = tokens[i];
                positions[row * width + padding + i] = i;
            }

            mask.AsSpan(row * (width + room) + padding, width + room - padding).Fill(1);
        }

        return (tensor(ids, [prompts.Count, width], device: device), tensor(positions, [prompts.Count, width], device: device), tensor(mask, [prompts.Count, width + room], device: device));
    }

    /// <summary>A response while it grows.</summary>
    private sealed class Draft(EncodedPrompt prompt, int sample)
    {
        private readonly List<int> _tokens = [];
        private readonly List<float> _logProbabilities = [];

        public EncodedPrompt Prompt { get; } = prompt;

        public int Sample { get; } = sample;

        public bool Stopped { get; private set; }

        public void Add(int token, float logProbability, IReadOnlyList<int> stopTokens)
        {
            _tokens.Add(token);
            _logProbabilities.Add(logProbability);
            for (int i = 0; i < stopTokens.Count; i++) { Stopped |= stopTokens[i] == token; }
        }

        public Completion Finish() => new(Prompt, Sample, [.. _tokens], [.. _logProbabilities], Stopped);
    }
}
