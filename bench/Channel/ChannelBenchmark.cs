using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ctwa.Bench.Channel;

/// <summary>The tensor channel between two processes against a raw socket, what it allocates, and what it does to grain calls beside it.</summary>
internal static class ChannelBenchmark
{
    private const string Help = """
        usage: channel [--quick] [--only speed|allocations|latency]
          Two processes on loopback, ways in turns, medians over rounds. Goals: at 16 MB, one at a time, the plain channel carries at
          least 0.8 of what a raw socket carries; grain calls beside it take less than 3 times their idle median; a warm transfer
          allocates nothing (less than 1 byte on average: the runtime's own).
          Exit code 1 if a goal is missed by far: less than 0.6; 6 times or more, and more than beside threads that only copy memory,
          which is what a machine without free processors does to grain calls; more than 64 bytes per transfer.
          The goals suppose a machine that does nothing else: large pulls stand back for other threads, a raw socket does not.
          --quick  fewer sizes, shorter rounds
        """;

    private const double GoalRatio = 0.8, FarRatio = 0.6, GoalLatency = 3, FarLatency = 6, GoalBytes = 1, FarBytes = 64;

    private const int GoalSize = 16 << 20;

    /// <summary>Runs the benchmark.</summary>
    /// <returns>0, 1 if a goal is missed by far or bytes differ, 2 for wrong arguments.</returns>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["--serve"]) { return await ServingProcess.ServeAsync(); }
        bool quick = args.Contains("--quick");
        string only = args.SkipWhile(arg => arg != "--only").Skip(1).FirstOrDefault() ?? "";
        if (args.Length != (quick ? 1 : 0) + (args.Contains("--only") ? 2 : 0) || only is not ("" or "speed" or "allocations" or "latency"))
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        var machine = await MachineDescription.ReadAsync(Checkout.Find());
        Console.WriteLine($"{machine.Machine}\nload {machine.Load} at the start, {machine.Date}, {machine.Commit}\n");
        var (first, second, authority) = BenchCertificates.Make();
        string secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        var settings = new ServingProcess.Settings(secret, first, authority, Silo: only is "" or "latency");
        using var serving = await ServingProcess.StartAsync(settings);
        var tensor = new BenchTensor();
        var tls = BenchCertificates.Load(second, authority);
        nint[] destinations = Throughput.Allocate();
        var channels = ChannelWays.OfChannel.ToDictionary(way => way, way => new TensorChannel(ChannelWays.Options(way, secret, tls), tensor, NullLogger<TensorChannel>.Instance));
        Throughput[] ways = [.. ((string[])[ChannelWays.Raw, .. ChannelWays.OfChannel]).Select(way => new Throughput(way, channels.GetValueOrDefault(way), serving.Where.Ports[way]))];
        foreach (var way in ways) { way.Use(destinations); }

        bool good = await CopiesAsync(ways, tensor, destinations);
        if (only is "" or "speed")
        {
            double ratio = await SpeedAsync(ways, serving, quick);
            good &= Judge("channel against raw socket at 16 MB", ratio, ratio >= GoalRatio, ratio >= FarRatio, $"at least {GoalRatio:0.0}");
        }

        if (only is "" or "allocations")
        {
            // A serving process without a silo, whose timers would be counted too.
            using var alone = await ServingProcess.StartAsync(settings with { Silo = false });
            Throughput[] toIt = [.. ways.Select(way => new Throughput(way.Way, channels.GetValueOrDefault(way.Way), alone.Where.Ports[way.Way]))];
            foreach (var way in toIt) { way.Use(destinations); }
            double bytes = await AllocationsAsync(toIt, alone, quick ? 300 : 1000);
            good &= Judge("bytes allocated per warm transfer, most of both ends", bytes, bytes < GoalBytes, bytes <= FarBytes, "0");
        }

        if (only is "" or "latency")
        {
            var (latency, control) = await LatencyAsync(ways, serving, destinations, quick);
            good &= Judge("grain calls beside the channel, times idle", latency, latency < GoalLatency, latency < Math.Max(FarLatency, control), $"below {GoalLatency:0}");
        }

        foreach (var channel in channels.Values) { await channel.DisposeAsync(); }
        return good ? 0 : 1;
    }

    private static async Task<bool> CopiesAsync(Throughput[] ways, BenchTensor tensor, nint[] destinations)
    {
        foreach (var way in ways)
        {
            Clear(destinations[0]);
            await way.RunAsync(BenchTensor.Bytes, 1, TimeSpan.Zero);
            if (tensor.IsCopied(destinations[0], BenchTensor.Bytes)) { continue; }
            Console.WriteLine($"{way.Way}: what arrived differs from what was sent");
            return false;
        }

        return true;

        static unsafe void Clear(nint destination) => new Span<byte>((void*)destination, BenchTensor.Bytes).Clear();
    }

    private static async Task<double> SpeedAsync(Throughput[] ways, ServingProcess serving, bool quick)
    {
        int[] sizes = quick ? [64 << 10, 1 << 20, 16 << 20] : [64 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];
        int rounds = quick ? 7 : 11;
        double goal = 0;
        var cpu = new List<string>();
        Console.WriteLine($"GB/s, median of {rounds} rounds (times the raw socket of the same round)\n\n| size | in flight | {string.Join(" | ", ways.Select(way => way.Way))} |\n|---|---|{string.Concat(ways.Select(_ => "---|"))}");
        foreach (int size in sizes)
        {
            foreach (int inFlight in (int[])[1, Throughput.MostInFlight])
            {
                var used = ways.ToDictionary(way => way, _ => new List<double>());
                var speeds = ways.ToDictionary(way => way, _ => new List<double>());
                var time = TimeSpan.FromMilliseconds(quick ? 150 : 300);
                foreach (var way in ways) { await way.RunAsync(size, inFlight, time / 2); }
                for (int round = 0; round < rounds; round++)
                {
                    // In turns and from another start each round: what else the machine does falls on all alike.
                    for (int i = 0; i < ways.Length; i++)
                    {
                        var way = ways[(i + round) % ways.Length];
                        double before = await CpuAsync(serving);
                        var (transfers, speed) = await way.RunAsync(size, inFlight, time);
                        speeds[way].Add(speed);
                        used[way].Add((await CpuAsync(serving) - before) / (transfers * (size / 1e9)));
                    }
                }

                double Ratio(Throughput way) => HeadOfLine.At([.. speeds[way].Zip(speeds[ways[0]], (own, raw) => own / raw)], 0.5);
                Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {(size < 1 << 20 ? $"{size >> 10} KB" : $"{size >> 20} MB")} | {inFlight} | {string.Join(" | ", ways.Select((way, i) => string.Create(CultureInfo.InvariantCulture, $"{HeadOfLine.At(speeds[way], 0.5) / 1e9:0.00}{(i == 0 ? "" : $" ({Ratio(way):0.00})")}")))} |"));
                if (size != GoalSize) { continue; }
                cpu.Add($"| {inFlight} | {string.Join(" | ", ways.Select(way => HeadOfLine.At(used[way], 0.5).ToString("0", CultureInfo.InvariantCulture)))} |");
                if (inFlight == 1) { goal = Ratio(ways[1]); }
            }
        }

        Console.WriteLine($"\nms of processor per GB at 16 MB, both processes together\n\n| in flight | {string.Join(" | ", ways.Select(way => way.Way))} |\n|---|{string.Concat(ways.Select(_ => "---|"))}\n{string.Join("\n", cpu)}");
        return goal;
    }

    private static async Task<double> CpuAsync(ServingProcess serving)
    {
        using var own = Process.GetCurrentProcess();
        return own.TotalProcessorTime.TotalMilliseconds + (await serving.UsedAsync()).CpuMs;
    }

    private static async Task<double> AllocationsAsync(Throughput[] ways, ServingProcess serving, int transfers)
    {
        Console.WriteLine("\nbytes allocated per transfer of 1 MB, pulling + serving process (least of 3)\n");
        double most = 0;
        foreach (var way in ways)
        {
            double pulling = double.MaxValue, served = double.MaxValue;
            for (int trial = 0; trial < 3; trial++)
            {
                long there = (await serving.UsedAsync()).Bytes, here = GC.GetTotalAllocatedBytes(precise: true);
                int count = 0;
                while (count < transfers) { count += (await way.RunAsync(1 << 20, 1, TimeSpan.FromSeconds(1))).Transfers; }
                pulling = Math.Min(pulling, (GC.GetTotalAllocatedBytes(precise: true) - here) / (double)count);
                served = Math.Min(served, ((await serving.UsedAsync()).Bytes - there) / (double)count);
            }

            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {way.Way} | {pulling:0.0} | {served:0.0} |"));
            if (way.Way is ChannelWays.Socket or ChannelWays.Shared) { most = Math.Max(most, Math.Max(pulling, served)); }
        }

        return most;
    }

    private static async Task<(double Channel, double Control)> LatencyAsync(Throughput[] ways, ServingProcess serving, nint[] destinations, bool quick)
    {
        await using var silo = await EchoSilo.StartAsync(serving.Where.SiloPort);
        Console.WriteLine("\ngrain calls between the two processes' silos every 5 ms, ms, while 4 x 16 MB are in flight\n\n| beside | idle median | p95 | loaded median | p95 | max | times | GB/s meanwhile |\n|---|---|---|---|---|---|---|---|");
        double channel = 0, control = 0;
        var copies = new Throughput(ChannelWays.Copies, null, 0);
        copies.Use(destinations);
        foreach (var way in (Throughput[])[copies, .. ways])
        {
            var (idle, loaded, ratio) = await HeadOfLine.MeasureAsync(silo.Echo, way, quick ? 3 : 5, TimeSpan.FromSeconds(2));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {way.Way} | {idle.Median:0.00} | {idle.Percentile95:0.00} | {loaded.Median:0.00} | {loaded.Percentile95:0.00} | {loaded.Maximum:0.0} | {ratio:0.00} | {loaded.BytesPerSecond / 1e9:0.00} |"));
            if (way.Way is ChannelWays.Socket) { channel = ratio; }
            if (way.Way is ChannelWays.Copies) { control = ratio; }
        }

        return (channel, control);
    }

    private static bool Judge(string what, double value, bool met, bool near, string goal)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"\n{what}: {value:0.00} (goal: {goal}) {(met ? "met" : near ? "missed" : "MISSED BY FAR")}"));
        return near;
    }
}
