using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters;
using BenchmarkDotNet.Filters;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using Ctwa.Bench.Measuring;
using Perfolizer.Horology;
using BenchmarkReport = Ctwa.Bench.Measuring.BenchmarkReport;

namespace Ctwa.Bench.Kernels;

/// <summary>Small kernels by BenchmarkDotNet, in this process: its table, and a line for each.</summary>
internal static class KernelsBenchmark
{
    // From here on lines are in seconds.
    private const double ManyNanoseconds = 1e5;

    private static readonly Type[] s_kernels = [typeof(RandomKernels), typeof(FlatVectorKernels), typeof(SamplingKernels), typeof(SolveKernels), typeof(MergeKernels)];

    public static ComparingBenchmark Comparing { get; } = new("kernels", "small kernels, by BenchmarkDotNet", (report, options) =>
    {
        Measure(report, options);
        return Task.CompletedTask;
    });

    private static void Measure(BenchmarkReport report, BenchOptions options)
    {
        string artifacts = Directory.CreateTempSubdirectory("ctwa-kernels-").FullName;
        var config = ManualConfig.CreateEmpty()
            .AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.DontLogOutput).WithIterationTime(TimeInterval.FromMilliseconds(options.Quick ? 50 : 250)))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddLogger(NullLogger.Instance)
            .AddFilter(new SimpleFilter(one => options.Wants(KeyOf(one))))
            .WithArtifactsPath(artifacts)
            .WithOptions(ConfigOptions.JoinSummary);
        BenchmarkRunInfo[] all = [.. s_kernels.Select(kernel => BenchmarkConverter.TypeToBenchmarks(kernel, config)).Where(kernels => kernels.BenchmarksCases.Length > 0)];
        if (all.Length == 0) { return; }
        foreach (var summary in BenchmarkRunner.Run(all))
        {
            if (summary.HasCriticalValidationErrors) { throw new InvalidOperationException(string.Join('\n', summary.ValidationErrors.Select(error => error.Message))); }
            foreach (var measured in summary.Reports) { report.Add(LineOf(measured)); }
            Console.WriteLine();
            MarkdownExporter.Console.ExportToLog(summary, ConsoleLogger.Default);
        }

        Directory.Delete(artifacts, recursive: true);
    }

    private static Comparison LineOf(BenchmarkDotNet.Reports.BenchmarkReport measured)
    {
        var key = KeyOf(measured.BenchmarkCase);
        var statistics = measured.ResultStatistics ?? throw new InvalidOperationException($"{key} gave no result; run it alone with --only {key}.");
        var nanoseconds = new Figure(statistics.Median, statistics.Min, statistics.Max, statistics.N);
        return statistics.Median < ManyNanoseconds
            ? Comparison.Alone(key, NameOf(measured.BenchmarkCase), "ns", nanoseconds)
            : Comparison.Alone(key, NameOf(measured.BenchmarkCase), "s", nanoseconds.As(value => value / 1e9));
    }

    /// <summary>Such as <c>kernel_mgda_8</c>.</summary>
    internal static string KeyOf(BenchmarkCase one) => string.Join('_', ["kernel", one.Descriptor.WorkloadMethod.Name.ToLowerInvariant(), .. one.Parameters.Items.Select(item => item.Value.ToString())]);

    private static string NameOf(BenchmarkCase one) => one.Descriptor.WorkloadMethodDisplayInfo.Trim('\'') + string.Concat(one.Parameters.Items.Select(item => $", {item.Name} = {item.Value}"));
}
