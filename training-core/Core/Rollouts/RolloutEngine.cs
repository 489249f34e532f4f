using System.Runtime.InteropServices;
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
/// <param name="blockLength">
/// Tokens drawn between two looks at them on the host, where finished rows are found; null: 1 on a CPU, 16 on other devices, which
/// a host that waits for every token would slow down. It decides when rows leave the batch, and so may show in last bits.
/// </param>
public sealed class RolloutEngine(IPolicyModel model, Device device, int? blockLength = null)
{
    private readonly int _blockLength = blockLength ?? (device.type == DeviceType.CPU ? 1 : 16);

    /// <summary>Samples every prompt; completions are ordered by prompt, then by sample.</summary>
    public Completion[] Generate(IReadOnlyList<EncodedPrompt> prompts, SamplingSettings settings)
    {
        if (prompts.Count == 0) { return []; }
        if (model.Host is { } host) { return new HostRollout(host, settings).Generate(prompts); }

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
        var nextPosition = device.Place(Enumerable.Range(0, rows).Select(r => (long)prompts[r / samples].Tokens.Length).ToArray());

        var drawn = Enumerable.Range(0, rows).Select(r => new ResponseDraft(prompts[r / samples], r % samples)).ToArray();
        var alive = (ResponseDraft[])drawn.Clone();
        for (int start = 0; start < settings.MaxNewTokens; start += _blockLength)
        {
            using var blockScope = NewDisposeScope();
            int length = Math.Min(_blockLength, settings.MaxNewTokens - start);
            var uniforms = Uniforms(alive, settings, start, length);
            var tokens = new List<Tensor>(length);
            var logProbabilities = new List<Tensor>(length);
            for (int i = 0; i < length; i++)
            {
                using var tokenScope = NewDisposeScope();
                var (drawnTokens, scores) = TokenSampler.Sample(model.Logits(hidden), settings.Temperature, uniforms.select(1, i), settings.TopK, settings.TopP);
                tokens.Add(drawnTokens.MoveToOuterDisposeScope());
                logProbabilities.Add(scores.MoveToOuterDisposeScope());
                if (i + 1 < length) { hidden = Advance(hidden, drawnTokens, start + i, width, nextPosition, mask, cache); }
            }

            // The block's only wait for the device.
            Collect(alive, stack(tokens, 1), stack(logProbabilities, 1), settings.StopTokens);
            int left = alive.Count(draft => !draft.Stopped);
            if (left == 0 || start + length >= settings.MaxNewTokens) { break; }

            var last = tokens[^1];
            if (left <= alive.Length / 2)
            {
                int[] kept = [.. Enumerable.Range(0, alive.Length).Where(i => !alive[i].Stopped)];
                var selection = device.Place(kept.Select(i => (long)i).ToArray());
                cache.Select(selection);
                mask = Replace(mask, mask.index_select(0, selection));
                nextPosition = Replace(nextPosition, nextPosition.index_select(0, selection));
                alive = [.. kept.Select(i => alive[i])];
                last = last.index_select(0, selection);
            }

            hidden = Advance(hidden, last, start + length - 1, width, nextPosition, mask, cache);
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

    /// <summary>Hidden states after one more token in every row.</summary>
    /// <param name="position">Of the token among those drawn.</param>
    /// <param name="nextPosition">Rotary positions; counted up.</param>
    private Tensor Advance(Tensor hidden, Tensor tokens, int position, int width, Tensor nextPosition, Tensor mask, IDecodingCache cache)
    {
        var next = model.Extend(tokens.unsqueeze(1), nextPosition.unsqueeze(1), mask.narrow(1, 0, width + position + 1), cache);
        nextPosition.add_(Scalars.One, Scalars.One);
        return Replace(hidden, next);
    }

    /// <summary>Numbers that decide a block's draws, float64 [rows, length].</summary>
    private Tensor Uniforms(ResponseDraft[] alive, SamplingSettings settings, int start, int length)
    {
        double[] uniforms = new double[alive.Length * length];
        for (int row = 0; row < alive.Length; row++)
        {
            for (int i = 0; i < length; i++)
            {
                uniforms[row * length + i] = CounterRandom.Uniform(settings.Seed, settings.Purpose, settings.Step, alive[row].Prompt.StepIndex, alive[row].Sample, start + i);
            }
        }

        return device.Place(uniforms, alive.Length, length);
    }

    /// <summary>Adds a block's tokens to the rows that go on.</summary>
    /// <param name="tokens">int64 [rows, length].</param>
    /// <param name="logProbabilities">float32 [rows, length].</param>
    private static void Collect(ResponseDraft[] alive, Tensor tokens, Tensor logProbabilities, IReadOnlyList<int> stopTokens)
    {
        int length = (int)tokens.size(1);
        var ids = MemoryMarshal.Cast<byte, long>(tokens.cpu().bytes);
        var scores = MemoryMarshal.Cast<byte, float>(logProbabilities.cpu().bytes);
        for (int row = 0; row < alive.Length; row++)
        {
            for (int i = 0; i < length && !alive[row].Stopped; i++) { alive[row].Add((int)ids[row * length + i], scores[row * length + i], stopTokens); }
        }
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

        return (device.Place(ids, prompts.Count, width), device.Place(positions, prompts.Count, width), device.Place(mask, prompts.Count, width + room));
    }
}
