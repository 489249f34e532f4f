using System.Text.Json.Nodes;
using Ctwa.Training.Numerics;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>
/// Mean log-probability of all tokens of a batch, its gradient into one flat float32 buffer, and AdamW on flat float32
/// vectors (with bfloat16 weights: on a master copy that is then rounded).
/// </summary>
internal static class TrainingBenchmark
{
    public static void Run(Settings settings, Records records)
    {
        Products.Use(settings);
        using var random = new RandomModel(settings);
        using var outer = NewDisposeScope();
        var device = settings.TorchDevice;
        var gradient = zeros(random.Layout.Length, float32, device);
        random.Model.PointGradientsAt(gradient);
        var batch = Batch(settings, random.Config.VocabSize, device);

        var forward = new List<(double Queued, double Done)>();
        var backward = new List<(double Queued, double Done)>();
        double value = 0;
        for (int i = -settings.WarmUps; i < settings.Repeats; i++)
        {
            using var scope = NewDisposeScope();
            using (no_grad()) { gradient.zero_(); }
            Tensor loss = null!;
            var forwardTime = DeviceClock.Time(settings, () => loss = Loss(random, batch));
            var backwardTime = DeviceClock.Time(settings, () => loss.backward());
            value = loss.item<float>();
            if (i >= 0) { (forward, backward) = ([.. forward, forwardTime], [.. backward, backwardTime]); }
        }

        double? forwardBackwardMemory = DeviceClock.MemoryInUse(settings);
        var (bitsEqual, differing) = Repeatable(random, batch, gradient);
        double update = Update(settings, random, gradient);
        double seconds = DeviceClock.Median(forward.Zip(backward, (f, b) => f.Done + b.Done));
        records.Add(new JsonObject
        {
            ["part"] = "train", ["who"] = "ctwa", ["device"] = settings.Device, ["type"] = settings.Type, ["attention"] = settings.Attention, ["preset"] = settings.Preset,
            ["batch"] = settings.Batch, ["length"] = settings.Length, ["seconds"] = seconds, ["tokens_per_second"] = settings.Batch * settings.Length / seconds,
            ["forward_seconds"] = DeviceClock.Median(forward.Select(f => f.Done)), ["forward_queued_seconds"] = DeviceClock.Median(forward.Select(f => f.Queued)),
            ["backward_seconds"] = DeviceClock.Median(backward.Select(b => b.Done)), ["backward_queued_seconds"] = DeviceClock.Median(backward.Select(b => b.Queued)),
            ["adamw_seconds"] = update, ["memory_forward_backward"] = forwardBackwardMemory, ["memory_with_adamw"] = DeviceClock.MemoryInUse(settings),
            ["loss"] = value, ["gradient_repeats_bit_for_bit"] = bitsEqual, ["gradient_elements_that_differ"] = differing,
        });
    }

    /// <summary>Random rows whose every token but the first is predicted.</summary>
    private static PackedBatch Batch(Settings settings, int vocabulary, Device device)
    {
        int[] Row(int row, int length) => [.. Enumerable.Range(0, length).Select(i => (int)((row * 7919L + i * 104729L + 12345) % vocabulary))];
        return PackedBatch.Of([.. Enumerable.Range(0, settings.Batch).Select(row => Row(row, 1))], [.. Enumerable.Range(0, settings.Batch).Select(row => Row(row + settings.Batch, settings.Length))], device);
    }

    private static Tensor Loss(RandomModel random, PackedBatch batch)
    {
        using var scope = NewDisposeScope();
        var logits = random.Model.Logits(batch.SelectResponses(random.Model.Hidden(batch.Sequences)));
        return TokenDistribution.LogProbabilities(logits, batch.Targets).mean().neg().MoveToOuterDisposeScope();
    }

    /// <summary>Whether the same gradient computed twice has the same bits (invariant I1 needs it), and how many elements do not.</summary>
    private static (bool Equal, long Differing) Repeatable(RandomModel random, PackedBatch batch, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        Backward();
        var first = gradient.clone();
        Backward();
        long differing = first.ne(gradient).sum().item<long>();
        return (differing == 0, differing);

        void Backward()
        {
            using var inner = NewDisposeScope();
            using (no_grad()) { gradient.zero_(); }
            Loss(random, batch).backward();
        }
    }

    private static double Update(Settings settings, RandomModel random, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        bool master = settings.TorchType != float32;
        var parameters = master ? random.Weights.to(float32) : random.Weights;
        var optimizer = new AdamWSlice(parameters, zeros_like(gradient), zeros_like(gradient), new OptimizerSpec());
        return DeviceClock.Median(Enumerable.Range(0, settings.Repeats + 1).Select(_ => DeviceClock.Time(settings, () =>
        {
            optimizer.Apply(gradient, learningRate: 1e-6);
            using var noGrad = no_grad();
            if (master) { random.Weights.copy_(parameters); }
        }).Done).ToArray().Skip(1));
    }
}
