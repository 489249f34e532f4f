namespace Ctwa.Bench.Measuring;

/// <summary>A benchmark that compares: by itself, or as a part of the summary.</summary>
/// <param name="Name">On the command line, and of its file in docs/measurements.</param>
/// <param name="Purpose">One line of help.</param>
/// <param name="MeasureAsync">Measures and adds lines to the report.</param>
internal sealed record ComparingBenchmark(string Name, string Purpose, Func<BenchmarkReport, BenchOptions, Task> MeasureAsync)
{
    /// <summary>Runs it by itself.</summary>
    /// <returns>0, or 2 for wrong arguments.</returns>
    public async Task<int> RunAsync(string[] args)
    {
        if (BenchOptions.Parse(args) is not { } options) { return 2; }
        var report = await BenchmarkReport.BeginAsync(Name);
        await MeasureAsync(report, options);
        await report.SaveAsync(options);
        return 0;
    }
}
