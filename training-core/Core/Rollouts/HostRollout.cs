using Ctwa.Training.Kernels;
using Ctwa.Training.Models.Host;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using static TorchSharp.torch;

namespace Ctwa.Training.Rollouts;

/// <summary>Draws tokens row by row with a <see cref="HostDecoding"/>: a row that has ended leaves at once.</summary>
internal sealed unsafe class HostRollout(HostDecoder decoder, SamplingSettings settings)
{
    /// <summary>Samples every prompt; completions are ordered by prompt, then by sample.</summary>
    public Completion[] Generate(IReadOnlyList<EncodedPrompt> prompts)
    {
        using var scope = NewDisposeScope();
        using var decoding = new HostDecoding(decoder, [.. prompts.Select(prompt => prompt.Tokens)], settings.SamplesPerPrompt, settings.MaxNewTokens);
        var rows = Enumerable.Range(0, decoding.Rows).Select(r => new ResponseDraft(prompts[r / settings.SamplesPerPrompt], r % settings.SamplesPerPrompt)).ToArray();
        int[] alive = [.. Enumerable.Range(0, rows.Length)];
        // All samples of a prompt draw their first token from one distribution.
        float* hidden = decoding.PromptHidden;
        int[] sources = [.. alive.Select(r => r / settings.SamplesPerPrompt)];
        for (int position = 0; ; position++)
        {
            Draw(rows, alive, hidden, sources, position);
            alive = [.. alive.Where(r => !rows[r].Stopped)];
            if (alive.Length == 0 || position + 1 == settings.MaxNewTokens) { break; }
            hidden = decoding.Step(alive, [.. alive.Select(r => rows[r].Last)], position);
            sources = [.. Enumerable.Range(0, alive.Length)];
        }

        return [.. rows.Select(row => row.Finish())];
    }

    /// <summary>One token for each row.</summary>
    /// <param name="hidden">Hidden states [sources, C].</param>
    /// <param name="sources">Which hidden state is each row's.</param>
    public void Draw(ResponseDraft[] rows, int[] alive, float* hidden, int[] sources, int position)
    {
        int vocabulary = decoder.VocabularySize, distinct = sources[^1] + 1;
        var mark = decoder.Arena.Here;
        if (settings.Temperature != 0 && (settings.TopK != 0 || settings.TopP != 1))
        {
            Truncated(rows, alive, hidden, sources, position);
            decoder.Arena.Return(mark);
            return;
        }

        float* logits = decoder.Arena.Take((long)distinct * vocabulary);
        decoder.Logits(hidden, distinct, logits);
        float inverse = settings.Temperature == 0 ? 1 : (float)(1 / settings.Temperature);
        decoder.EachScratch(alive.Length, vocabulary + (vocabulary / 32) + 64, (i, space) =>
        {
            float* own = (float*)space + (2 * ((vocabulary / 64) + 1)), source = logits + ((long)sources[i] * vocabulary);
            if (settings.Temperature == 0)
            {
                int best = NextToken.Likeliest(source, vocabulary);
                rows[alive[i]].Add(best, NextToken.LogProbability(source, best, 1, NextToken.Measure(source, vocabulary, 1, withEntropy: false)), settings.StopTokens);
                return;
            }

            new ReadOnlySpan<float>(source, vocabulary).CopyTo(new Span<float>(own, vocabulary));
            var (token, logProbability) = NextToken.Draw(own, vocabulary, inverse, Uniform(rows[alive[i]], position), (double*)space);
            rows[alive[i]].Add(token, logProbability, settings.StopTokens);
        });
        decoder.Arena.Return(mark);
    }

    private double Uniform(ResponseDraft row, int position) => CounterRandom.Uniform(settings.Seed, settings.Purpose, settings.Step, row.Prompt.StepIndex, row.Sample, position);

    /// <summary>Draws from the likeliest tokens only, as <see cref="TokenSampler"/> does it.</summary>
    private void Truncated(ResponseDraft[] rows, int[] alive, float* hidden, int[] sources, int position)
    {
        using var scope = NewDisposeScope();
        int distinct = sources[^1] + 1;
        var logits = empty([distinct, decoder.VocabularySize], float32);
        decoder.Logits(hidden, distinct, (float*)TensorAddress.Of(logits.view(-1)));
        long[] tokens = new long[alive.Length];
        float[] scores = new float[alive.Length];
        var repeated = logits.index_select(0, tensor(sources.Select(source => (long)source).ToArray()));
        TokenSampler.Sample(repeated, settings.Temperature, [.. alive.Select(r => Uniform(rows[r], position))], tokens, scores, settings.TopK, settings.TopP);
        for (int i = 0; i < alive.Length; i++) { rows[alive[i]].Add((int)tokens[i], scores[i], settings.StopTokens); }
    }
}
