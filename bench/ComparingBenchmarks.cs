using Ctwa.Bench.Channel;
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
        TokenizerBenchmark.Comparing,
        StartupBenchmark.Comparing,
        GridBenchmark.Comparing,
        ControlPlaneBenchmark.Comparing,
        ChannelBenchmark.Comparing,
        KernelsBenchmark.Comparing,
    ];
}
