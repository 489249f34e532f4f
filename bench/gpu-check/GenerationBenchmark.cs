using System.Text.Json.Nodes;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rollouts;
using TorchSharp;

namespace Ctwa.GpuCheck;

/// <summary>Tokens per second of the engine that training samples with: full support, temperature 1, no stop token.</summary>
internal static class GenerationBenchmark
{
    public static void Run(Settings settings, Records records)
    {
        Products.Use(settings);
        using var random = new RandomModel(settings);
        int prompts = Math.Max(1, settings.Batch / settings.Samples);
        EncodedPrompt[] encoded = [.. Enumerable.Range(0, prompts).Select(row => new EncodedPrompt(row, row, [.. Enumerable.Range(0, settings.Length).Select(i => (int)((row * 7919L + i * 104729L + 12345) % random.Config.VocabSize))]))];
        var engine = new RolloutEngine(random.Model, settings.TorchDevice);
        var times = new List<double>();
        var hashes = new HashSet<int>();
        int tokens = 0;
        for (int i = -settings.WarmUps; i < settings.Repeats; i++)
        {
            Completion[] completions = [];
            var (_, seconds) = DeviceClock.Time(settings, () => completions = engine.Generate(encoded, Sampling(settings)));
            tokens = completions.Sum(completion => completion.Tokens.Length);
            var hash = new HashCode();
            foreach (var completion in completions)
            {
                foreach (int token in completion.Tokens) { hash.Add(token); }
                foreach (float logProbability in completion.LogProbabilities) { hash.Add(logProbability); }
            }

            hashes.Add(hash.ToHashCode());
            if (i >= 0) { times.Add(seconds); }
        }

        double median = DeviceClock.Median(times);
        records.Add(new JsonObject
        {
            ["part"] = "generate", ["who"] = "ctwa", ["device"] = settings.Device, ["type"] = settings.Type, ["preset"] = settings.Preset, ["batch"] = prompts * settings.Samples,
            ["samples_per_prompt"] = settings.Samples, ["prompt"] = settings.Length, ["new_tokens"] = settings.NewTokens, ["seconds"] = median,
            ["tokens_per_second"] = tokens / median, ["milliseconds_per_token"] = 1000 * median / settings.NewTokens, ["memory"] = DeviceClock.MemoryInUse(settings),
            ["draws_repeat_bit_for_bit"] = hashes.Count == 1,
        });
    }

    private static SamplingSettings Sampling(Settings settings) => new()
    {
        Seed = 1, Purpose = RandomPurpose.Test, Step = 0, Temperature = 1, MaxNewTokens = settings.NewTokens, SamplesPerPrompt = settings.Samples, StopTokens = [],
    };
}
