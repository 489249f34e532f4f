using System.Diagnostics;

namespace Ctwa.Bench.Channel;

/// <summary>Latency of grain calls between two silos, every 5 ms, idle and while the channel between their processes runs flat out.</summary>
internal static class HeadOfLine
{
    private static readonly TimeSpan s_every = TimeSpan.FromMilliseconds(5);

    /// <summary>Percentiles of one condition, in milliseconds.</summary>
    internal readonly record struct Latency(double Median, double Percentile95, double Maximum, double BytesPerSecond);

    /// <summary>Idle and loaded, in turns.</summary>
    public static async Task<(Latency Idle, Latency Loaded, double Ratio)> MeasureAsync(IEchoGrain echo, Throughput load, int rounds, TimeSpan time)
    {
        await CallsAsync(echo, TimeSpan.FromSeconds(2));
        List<double> idle = [], loaded = [], ratios = [], speeds = [];
        for (int round = 0; round < rounds; round++)
        {
            var quiet = await CallsAsync(echo, time);
            using var end = new CancellationTokenSource();
            var running = load.RunAsync(16 << 20, Throughput.MostInFlight, TimeSpan.FromMinutes(5), end.Token);
            await Task.Delay(200);
            var busy = await CallsAsync(echo, time);
            await end.CancelAsync();
            speeds.Add((await running).BytesPerSecond);
            idle.AddRange(quiet);
            loaded.AddRange(busy);
            ratios.Add(At(busy, 0.5) / At(quiet, 0.5));
        }

        return (Of(idle, 0), Of(loaded, At(speeds, 0.5)), At(ratios, 0.5));

        static Latency Of(List<double> values, double speed) => new(At(values, 0.5), At(values, 0.95), values.Max(), speed);
    }

    public static double At(List<double> values, double quantile) => values.Order().ElementAt(Math.Min(values.Count - 1, (int)(values.Count * quantile)));

    private static async Task<List<double>> CallsAsync(IEchoGrain echo, TimeSpan time)
    {
        var latencies = new List<double>();
        long start = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(s_every);
        while (Stopwatch.GetElapsedTime(start) < time && await timer.WaitForNextTickAsync())
        {
            long call = Stopwatch.GetTimestamp();
            await echo.Echo(call, default);
            latencies.Add(Stopwatch.GetElapsedTime(call).TotalMilliseconds);
        }

        return latencies;
    }
}
