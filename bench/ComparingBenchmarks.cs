using Ctwa.Bench.Measuring;

namespace Ctwa.Bench;

/// <summary>The benchmarks whose lines the summary and the regression guard read; one line each.</summary>
internal static class ComparingBenchmarks
{
    public static IReadOnlyList<ComparingBenchmark> All { get; } =
    [
    ];
}
