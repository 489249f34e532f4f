using Ctwa.Bench.Channel;
using Ctwa.Bench.Checkpoints;
using Ctwa.Bench.Compute;
using Ctwa.Bench.ControlPlane;
using Ctwa.Bench.Grid;
using Ctwa.Bench.Kernels;
using Ctwa.Bench.Measuring;
using Ctwa.Bench.Startup;
using Ctwa.Bench.Tokenization;

namespace Ctwa.Bench;

/// <summary>The benchmarks whose lines the summary and the regression guard read; one line each.</summary>
internal static class ComparingBenchmarks
{
    public static IReadOnlyList<ComparingBenchmark> All { get; } =
    [
        new("training", "one update and scoring, at three sizes, beside plain TorchSharp and PyTorch", TrainingBenchmark.MeasureAsync),
        new("generation", "tokens per second at batches of 1 to 256, beside plain TorchSharp and PyTorch", GenerationBenchmark.MeasureAsync),
        new("rl-step", "whole steps of the quick-start by phase, beside a straightforward PyTorch implementation", RlStepBenchmark.MeasureAsync),
        new("objectives", "gradients of 3 and 8 objectives against one; Gram matrices in GB/s against a copy", ObjectivesBenchmark.MeasureAsync),
        TokenizerBenchmark.Comparing,
        StartupBenchmark.Comparing,
        GridBenchmark.Comparing,
        ControlPlaneBenchmark.Comparing,
        ChannelBenchmark.Comparing,
        KernelsBenchmark.Comparing,
        new("checkpoint", "what a checkpoint after every step costs the steps, and until it is on the disk", CheckpointBenchmark.MeasureAsync),
        new("safetensors", "loading and saving a model's file against copying it", SafetensorsBenchmark.MeasureAsync),
    ];
}
