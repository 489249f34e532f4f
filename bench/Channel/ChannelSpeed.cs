using System.Diagnostics;
using System.Globalization;
using Ctwa.Bench.Measuring;

namespace Ctwa.Bench.Channel;

/// <summary>What the ways carried of one size.</summary>
/// <param name="Size">Bytes of a transfer.</param>
/// <param name="InFlight">Transfers at a time.</param>
/// <param name="BytesPerSecond">[ways][rounds]; the raw socket first.</param>
/// <param name="CpuMsPerGB">Milliseconds of processor of both processes, [ways][rounds].</param>
internal sealed record SpeedsOfSize(int Size, int InFlight, double[][] BytesPerSecond, double[][] CpuMsPerGB)
{
    /// <summary>Median over the rounds of a way's speed by the raw socket's.</summary>
    public double Ratio(int way) => HeadOfLine.At([.. BytesPerSecond[way].Zip(BytesPerSecond[0], (own, raw) => own / raw)], 0.5);
}

/// <summary>GB/s of every way, in turns.</summary>
internal static class ChannelSpeed
{
    private static readonly string[] s_names = ["raw", "channel", "channel_shared", "channel_tls"];

    /// <param name="rounds">Null: as many as usual.</param>
    public static async IAsyncEnumerable<SpeedsOfSize> MeasureAsync(ChannelEnds ends, bool quick, int? rounds)
    {
        int[] sizes = quick ? [64 << 10, 1 << 20, 16 << 20] : [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];
        foreach (int size in sizes)
        {
            foreach (int inFlight in (int[])[1, Throughput.MostInFlight]) { yield return await MeasureAsync(ends, size, inFlight, rounds ?? (quick ? 7 : 11), TimeSpan.FromMilliseconds(quick ? 150 : 300)); }
        }
    }

    /// <summary>Lines against the raw socket.</summary>
    public static IEnumerable<Comparison> Lines(SpeedsOfSize speeds, Throughput[] ways, long? peak)
    {
        for (int i = 1; i < ways.Length; i++)
        {
            double[] Seconds(int way) => [.. speeds.BytesPerSecond[way].Select(speed => 1e9 / speed)];
            string more = speeds.InFlight == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $"_x{speeds.InFlight}");
            string key = $"{s_names[i]}_{Text(speeds.Size).Replace(" ", "", StringComparison.Ordinal).ToLowerInvariant()}{more}";
            yield return Comparison.OfRates(key, $"{ways[i].Way}: {Text(speeds.Size)}, {speeds.InFlight} at a time", "GB/s", 1, Seconds(i), ways[0].Way, Seconds(0), peak: peak);
        }
    }

    /// <summary>A size for readers.</summary>
    public static string Text(int size) => string.Create(CultureInfo.InvariantCulture, $"{(size < 1 << 20 ? size >> 10 : size >> 20)} {(size < 1 << 20 ? "KB" : "MB")}");

    private static async Task<SpeedsOfSize> MeasureAsync(ChannelEnds ends, int size, int inFlight, int rounds, TimeSpan time)
    {
        var ways = ends.Ways;
        double[][] speeds = [.. ways.Select(_ => new double[rounds])], cpu = [.. ways.Select(_ => new double[rounds])];
        foreach (var way in ways) { await way.RunAsync(size, inFlight, time / 2); }
        for (int round = 0; round < rounds; round++)
        {
            // In turns and from another start each round: what else the machine does falls on all alike.
            for (int i = 0; i < ways.Length; i++)
            {
                int turn = (i + round) % ways.Length;
                double before = await CpuAsync(ends.Serving);
                var (transfers, speed) = await ways[turn].RunAsync(size, inFlight, time);
                speeds[turn][round] = speed;
                cpu[turn][round] = (await CpuAsync(ends.Serving) - before) / (transfers * (size / 1e9));
            }
        }

        return new SpeedsOfSize(size, inFlight, speeds, cpu);
    }

    private static async Task<double> CpuAsync(ServingProcess serving)
    {
        using var own = Process.GetCurrentProcess();
        return own.TotalProcessorTime.TotalMilliseconds + (await serving.UsedAsync()).CpuMs;
    }
}
