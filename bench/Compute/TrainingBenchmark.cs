using Ctwa.Bench.Compute.Twin;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench.Compute;

/// <summary>One update (forward, backward, AdamW) and scoring, beside a plain TorchSharp model on the same libtorch and beside PyTorch.</summary>
internal static class TrainingBenchmark
{
    /// <summary>Adds its lines.</summary>
    public static Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        (ModelShape Shape, int Threads, int Rounds)[] cases = options.Quick
            ? [(ModelShape.QuickStart, 1, options.RoundsOr(7, 5))]
            : [(ModelShape.QuickStart, 1, options.RoundsOr(15, 5)), (ModelShape.Small, 1, options.RoundsOr(7, 3)), (ModelShape.Small, 2, options.RoundsOr(7, 3)), (ModelShape.Half, 2, options.RoundsOr(3, 1))];
        foreach (var (shape, threads, rounds) in cases)
        {
            string key = $"{shape.Key}_{threads}t";
            if (options.Wants($"training_{key}") || options.Wants($"scoring_{key}")) { Measure(report, shape, threads, rounds, key); }
        }

        return Task.CompletedTask;
    }

    private static void Measure(BenchmarkReport report, ModelShape shape, int threads, int rounds, string key)
    {
        string what = $"{shape.Name}, {shape.Rows} sequences, {shape.ResponseTokens:N0} response tokens, {threads} thread{(threads > 1 ? "s" : "")}";
        using var pytorch = PyTorchPeer.Start(threads);
        var (sequences, prompts) = shape.SequencesForPyTorch;
        object arguments = new { shape = shape.ForPyTorch, sequences, prompts, micro_batch = shape.MicroBatch };
        foreach (string work in (string[])["training", "scoring"])
        {
            PeakMemory.Reset();
            using var ours = new OurModel(shape, threads);
            Action own = work == "training" ? ours.Update : ours.Score;
            own();
            long? peak = PeakMemory.Read();
            // Three copies of the largest model would not fit.
            using var twin = shape == ModelShape.Half ? null : new PlainTrainer(shape);
            List<Func<double>> contestants = [Interleaved.Timed(own)];
            if (twin is not null) { contestants.Add(Interleaved.Timed(() => twin.Run(work))); }
            if (pytorch.Absent is null) { contestants.Add(pytorch.Contestant(work, arguments)); }
            double[][] seconds = Interleaved.Seconds(rounds, warmUps: 2, contestants);
            string done = work == "training" ? "training step: " : "scoring: ";
            report.Add(Comparison.OfTimes($"{work}_{key}", done + what, seconds[0], pytorch.Name, pytorch.Absent is null ? seconds[^1] : null, pytorch.Absent, peak));
            if (twin is not null) { report.Add(Comparison.OfTimes($"{work}_{key}_twin", done + what, seconds[0], "plain TorchSharp, same libtorch", seconds[1])); }
        }
    }
}
