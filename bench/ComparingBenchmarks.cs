using Ctwa.Bench.Checkpoints;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench;

/// <summary>The benchmarks whose lines the summary and the regression guard read; one line each.</summary>
internal static class ComparingBenchmarks
{
    public static IReadOnlyList<ComparingBenchmark> All { get; } =
    [
        new("checkpoint", "what a checkpoint after every step costs the steps, and until it is on the disk", CheckpointBenchmark.MeasureAsync),
        new("safetensors", "loading and saving a model's file against copying it", SafetensorsBenchmark.MeasureAsync),
    ];
}
