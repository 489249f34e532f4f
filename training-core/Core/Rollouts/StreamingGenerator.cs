using Ctwa.Training.Models;
using Ctwa.Training.Models.Host;
using Ctwa.Training.Native;
using Ctwa.Training.Randomness;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Rollouts;

/// <summary>
/// One response, token by token, for somebody who watches. The draws are those of <see cref="RolloutEngine"/> for the same prompt
/// and sample index; alone in its batch, a prompt gets the same bits from both.
/// </summary>
public sealed class StreamingGenerator(IPolicyModel model, Device device)
{
    /// <summary>Generates until a stop token, the length limit, or the caller's end.</summary>
    /// <param name="prompt">What to continue.</param>
    /// <param name="sample">Index of the response among those to the prompt.</param>
    /// <param name="settings">Its <see cref="SamplingSettings.SamplesPerPrompt"/> is not used.</param>
    /// <param name="onToken">Called with each token, the stop token included.</param>
    /// <param name="cancellationToken">Ends the response between two tokens; what there is by then is returned, at least one token.</param>
    public Completion Generate(EncodedPrompt prompt, int sample, SamplingSettings settings, Action<int> onToken, CancellationToken cancellationToken)
    {
        if (model.Host is { } host) { return Stream(host, prompt, sample, settings, onToken, cancellationToken); }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        int length = prompt.Tokens.Length;
        using var cache = model.NewCache(1, length + settings.MaxNewTokens);
        var mask = ones([1, length + settings.MaxNewTokens], int64, device);
        var tokens = new List<int>();
        var logProbabilities = new List<float>();
        bool stopped = false;
        var hidden = model.Extend(
            tensor(prompt.Tokens.Select(id => (long)id).ToArray(), [1, length], device: device),
            tensor(Enumerable.Range(0, length).Select(i => (long)i).ToArray(), [1, length], device: device),
            mask.narrow(1, 0, length), cache);
        long[] token = new long[1];
        float[] logProbability = new float[1];
        for (int position = 0; ; position++)
        {
            using var tokenScope = NewDisposeScope();
            double uniform = CounterRandom.Uniform(settings.Seed, settings.Purpose, settings.Step, prompt.StepIndex, sample, position);
            TokenSampler.Sample(model.Logits(hidden), settings.Temperature, [uniform], token, logProbability, settings.TopK, settings.TopP);
            tokens.Add((int)token[0]);
            logProbabilities.Add(logProbability[0]);
            onToken((int)token[0]);
            stopped = settings.StopTokens.Contains((int)token[0]);
            if (stopped || position + 1 == settings.MaxNewTokens || cancellationToken.IsCancellationRequested) { break; }

            var next = model.Extend(
                tensor(token, [1, 1], device: device), tensor([(long)(length + position)], [1, 1], device: device),
                mask.narrow(1, 0, length + position + 1), cache).MoveToOuterDisposeScope();
            hidden.Dispose();
            hidden = next;
        }

        return new Completion(prompt, sample, [.. tokens], [.. logProbabilities], stopped);
    }

    private static unsafe Completion Stream(HostDecoder host, EncodedPrompt prompt, int sample, SamplingSettings settings, Action<int> onToken, CancellationToken cancellationToken)
    {
        using var decoding = new HostDecoding(host, [prompt.Tokens], 1, settings.MaxNewTokens);
        var rollout = new HostRollout(host, settings);
        ResponseDraft[] rows = [new(prompt, sample)];
        int[] only = [0];
        float* hidden = decoding.PromptHidden;
        for (int position = 0; ; position++)
        {
            rollout.Draw(rows, only, hidden, only, position);
            onToken(rows[0].Last);
            if (rows[0].Stopped || position + 1 == settings.MaxNewTokens || cancellationToken.IsCancellationRequested) { return rows[0].Finish(); }
            hidden = decoding.Step(only, [rows[0].Last], position);
        }
    }
}
