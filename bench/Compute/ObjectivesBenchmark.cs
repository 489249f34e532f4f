using Ctwa.Bench.Measuring;
using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Steps;
using TorchSharp;

namespace Ctwa.Bench.Compute;

/// <summary>What several objectives' gradients cost against one: the whole update, and its Gram matrix alone against copying memory.</summary>
internal static class ObjectivesBenchmark
{
    private const long Elements = 16 << 20;

    /// <summary>Adds its lines.</summary>
    public static Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        (ModelShape Shape, int Rounds)[] shapes = options.Quick ? [(ModelShape.QuickStart, options.RoundsOr(9, 7))] : [(ModelShape.QuickStart, options.RoundsOr(15, 7)), (ModelShape.Small, options.RoundsOr(3, 3))];
        foreach (var (shape, rounds) in shapes)
        {
            if (options.Wants("objectives_" + shape.Key)) { Updates(report, shape, rounds); }
        }

        if (options.Wants("gram")) { Gram(report, options.RoundsOr(15, 9)); }
        return Task.CompletedTask;
    }

    private static void Updates(BenchmarkReport report, ModelShape shape, int rounds)
    {
        using var pytorch = PyTorchPeer.Start(1);
        // The quick-start's loss: no ratio is clipped, as in the first update after every rollout.
        const string loss = "loss: { kind: ppo, clip_low: 100, clip_high: 100 }";
        using var one = new OurModel(shape, 1, 1, loss);
        var (sequences, prompts) = shape.SequencesForPyTorch;
        foreach (int count in shape == ModelShape.QuickStart ? (int[])[3, 8] : [3])
        {
            PeakMemory.Reset();
            using var several = new OurModel(shape, 1, count, loss);
            several.Update();
            long? peak = PeakMemory.Read();
            List<Func<double>> contestants = [Interleaved.Timed(several.Update), Interleaved.Timed(one.Update)];
            if (pytorch.Absent is null) { contestants.AddRange([pytorch.Contestant("objectives", new { shape = shape.ForPyTorch, sequences, prompts, rows = count }), pytorch.Contestant("objectives", new { shape = shape.ForPyTorch, sequences, prompts, rows = 1 })]); }
            double[][] seconds = Interleaved.Seconds(rounds, warmUps: 2, contestants);
            report.Add(Comparison.OfTimes($"objectives_{shape.Key}_{count}", $"{count} objectives' gradients + Gram + apply, {shape.Name}", seconds[0], "one gradient + apply, ours", seconds[1], null, peak));
            report.Add(Comparison.OfTimes($"objectives_{shape.Key}_{count}_pytorch", $"the same {count} objectives", seconds[0], pytorch.Name, pytorch.Absent is null ? seconds[2] : null, pytorch.Absent));
            if (pytorch.Absent is null) { report.Add(Comparison.OfTimes($"objectives_{shape.Key}_{count}_of_pytorch", $"PyTorch's {count} objectives", seconds[2], "PyTorch's one", seconds[3])); }
        }
    }

    /// <summary>The Gram matrix, the combination and the optimizer over 16 million parameters, in bytes read and written, against a copy of as many.</summary>
    private static void Gram(BenchmarkReport report, int rounds)
    {
        Ctwa.Training.Native.TorchNative.EnsureLoaded();
        torch.set_num_threads(1);
        using var scope = torch.NewDisposeScope();
        using var from = torch.ones(Elements);
        using var to = torch.zeros(Elements);
        double copied = 2.0 * sizeof(float) * Elements / 1e9;
        foreach (int count in (int[])[1, 3, 8])
        {
            torch.Tensor[] rows = [.. Enumerable.Range(0, count).Select(_ => torch.ones(Elements))];
            double read = 1.0 * count * sizeof(float) * Elements / 1e9;
            double[][] seconds = Interleaved.Seconds(rounds, warmUps: 2, Interleaved.Timed(() => FlatBlocks.GramByBlock(rows)), Interleaved.Timed(() => to.copy_(from)));
            double[] ours = [.. seconds[0].Select(s => read / s)], theirs = [.. seconds[1].Select(s => copied / s)];
            report.Add(new Comparison($"gram_{count}", $"Gram matrix of {count} gradient{(count > 1 ? "s" : "")} of 16.8 million float32, bytes read", "GB/s", Figure.Of(ours), "copy on one thread, bytes read and written", Figure.Of(theirs), Interleaved.Ratio(ours, theirs)));
            foreach (var row in rows) { row.Dispose(); }
        }
    }
}
