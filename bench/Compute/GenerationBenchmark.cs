using Ctwa.Bench.Compute.Twin;
using Ctwa.Bench.Measuring;
using Ctwa.Training.Randomness;

namespace Ctwa.Bench.Compute;

/// <summary>Sampling with a cache of keys and values, rows ending at different lengths, beside the loops that one writes in TorchSharp and in PyTorch.</summary>
internal static class GenerationBenchmark
{
    /// <summary>Adds its lines.</summary>
    public static Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        (ModelShape Shape, int Rows, int NewTokens, int Threads, int Rounds)[] cases = options.Quick
            ? [(ModelShape.QuickStart, 64, 72, 1, options.RoundsOr(7, 5))]
            :
            [
                .. ((int[])[1, 16, 64, 256]).Select(rows => (ModelShape.QuickStart, rows, 72, 1, options.RoundsOr(9, 5))),
                .. ((int[])[1, 64]).Select(rows => (ModelShape.Small, rows, 32, 2, options.RoundsOr(2, 2))),
                (ModelShape.Half, 16, 8, 2, options.RoundsOr(1, 1)),
            ];
        foreach (var (shape, rows, newTokens, threads, rounds) in cases)
        {
            string key = $"generation_{shape.Key}_{rows}";
            if (options.Wants(key)) { Measure(report, shape, rows, newTokens, threads, rounds, key); }
        }

        return Task.CompletedTask;
    }

    private static void Measure(BenchmarkReport report, ModelShape shape, int rows, int newTokens, int threads, int rounds, string key)
    {
        int samples = Math.Min(rows, 8);
        int[][] prompts = [.. Enumerable.Range(0, rows / samples).Select(row => (int[])[.. Enumerable.Range(0, shape.Prompt - (row % 4)).Select(i => 4 + CounterRandom.Below(shape.Vocabulary - 4, 8, RandomPurpose.Test, 2, i, row, 0))])];
        string what = $"generation: {shape.Name}, {rows} row{(rows > 1 ? "s" : "")}, up to {newTokens} tokens, {threads} thread{(threads > 1 ? "s" : "")}";
        PeakMemory.Reset();
        using var ours = new OurModel(shape, threads);
        ours.Generate(prompts, samples, newTokens);
        long? peak = PeakMemory.Read();
        using var twin = shape == ModelShape.Half ? null : new PlainTrainer(shape);
        using var pytorch = PyTorchPeer.Start(threads);
        // Draws differ, and with them what is done: seconds per token are what is compared.
        List<Func<double>> contestants = [PerToken(() => ours.Generate(prompts, samples, newTokens))];
        if (twin is not null) { contestants.Add(PerToken(() => twin.Generate(prompts, samples, newTokens, stop: 3))); }
        object arguments = new { shape = shape.ForPyTorch, path = (string?)null, prompts, samples, new_tokens = newTokens, stop = 3 };
        if (pytorch.Absent is null)
        {
            contestants.Add(() =>
            {
                var answer = pytorch.Ask("generation", arguments);
                return answer["seconds"]!.GetValue<double>() / answer["tokens"]!.GetValue<int>();
            });
        }

        double[][] perToken = Interleaved.Seconds(rounds, warmUps: 1, contestants);
        report.Add(Comparison.OfRates(key, what, "tokens/s", 1, perToken[0], pytorch.Name, pytorch.Absent is null ? perToken[^1] : null, pytorch.Absent, peak));
        if (twin is not null) { report.Add(Comparison.OfRates(key + "_twin", what, "tokens/s", 1, perToken[0], "plain TorchSharp, same libtorch", perToken[1])); }
    }

    private static Func<double> PerToken(Func<int> generate) => () =>
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        int tokens = generate();
        return System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalSeconds / tokens;
    };
}
