using System.Globalization;
using Ctwa.Bench.Measuring;

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
          Afterwards the same speeds as lines of a comparison, which a full run keeps in docs/measurements.
        """;

    private const double GoalRatio = 0.8, FarRatio = 0.6, GoalLatency = 3, FarLatency = 6, GoalBytes = 1, FarBytes = 64;

    private const int GoalSize = 16 << 20;

    /// <summary>The speeds alone, as lines.</summary>
    public static ComparingBenchmark Comparing { get; } = new("channel", "the tensor channel against a raw socket: GB/s, allocations, grain calls beside it", MeasureAsync);

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
        await using var ends = await ChannelEnds.OpenAsync(silo: only is "" or "latency");
        bool good = await ends.CopiesAsync();
        List<SpeedsOfSize> speeds = [];
        if (only is "" or "speed")
        {
            await foreach (var size in ChannelSpeed.MeasureAsync(ends, quick, rounds: null)) { speeds.Add(size); }
            double ratio = PrintSpeeds(ends.Ways, speeds);
            good &= Judge("channel against raw socket at 16 MB", ratio, ratio >= GoalRatio, ratio >= FarRatio, $"at least {GoalRatio:0.0}");
        }

        if (only is "" or "allocations")
        {
            // A serving process without a silo, whose timers would be counted too.
            using var alone = await ServingProcess.StartAsync(ends.Settings with { Silo = false });
            double bytes = await AllocationsAsync(ends.WaysTo(alone), alone, quick ? 300 : 1000);
            good &= Judge("bytes allocated per warm transfer, most of both ends", bytes, bytes < GoalBytes, bytes <= FarBytes, "0");
        }

        if (only is "" or "latency")
        {
            var (latency, control) = await LatencyAsync(ends, quick);
            good &= Judge("grain calls beside the channel, times idle", latency, latency < GoalLatency, latency < Math.Max(FarLatency, control), $"below {GoalLatency:0}");
        }

        await LinesAsync(ends, speeds, quick);
        return good ? 0 : 1;
    }

    private static async Task LinesAsync(ChannelEnds ends, List<SpeedsOfSize> speeds, bool quick)
    {
        if (speeds.Count == 0) { return; }
        Console.WriteLine();
        var report = await BenchmarkReport.BeginAsync(Comparing.Name);
        foreach (var line in speeds.SelectMany(size => ChannelSpeed.Lines(size, ends.Ways, PeakMemory.Read()))) { report.Add(line); }
        await report.SaveAsync(new BenchOptions(Quick: quick));
    }

    private static async Task MeasureAsync(BenchmarkReport report, BenchOptions options)
    {
        await using var ends = await ChannelEnds.OpenAsync(silo: false);
        if (!await ends.CopiesAsync()) { throw new InvalidOperationException("the channel's bytes differ; see above."); }
        await foreach (var size in ChannelSpeed.MeasureAsync(ends, options.Quick, options.Rounds))
        {
            foreach (var line in ChannelSpeed.Lines(size, ends.Ways, PeakMemory.Read()).Where(line => options.Wants(line.Key))) { report.Add(line); }
        }
    }

    /// <returns>What the plain channel carries at 16 MB, one at a time, times the raw socket.</returns>
    private static double PrintSpeeds(Throughput[] ways, List<SpeedsOfSize> speeds)
    {
        Console.WriteLine($"GB/s, median of {speeds[0].BytesPerSecond[0].Length} rounds (times the raw socket of the same round)\n\n| size | in flight | {string.Join(" | ", ways.Select(way => way.Way))} |\n|---|---|{string.Concat(ways.Select(_ => "---|"))}");
        foreach (var one in speeds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {ChannelSpeed.Text(one.Size)} | {one.InFlight} | {string.Join(" | ", ways.Select((_, i) => string.Create(CultureInfo.InvariantCulture, $"{HeadOfLine.At([.. one.BytesPerSecond[i]], 0.5) / 1e9:0.00}{(i == 0 ? "" : $" ({one.Ratio(i):0.00})")}")))} |"));
        }

        var cpu = speeds.Where(one => one.Size == GoalSize).Select(one => $"| {one.InFlight} | {string.Join(" | ", ways.Select((_, i) => HeadOfLine.At([.. one.CpuMsPerGB[i]], 0.5).ToString("0", CultureInfo.InvariantCulture)))} |");
        Console.WriteLine($"\nms of processor per GB at 16 MB, both processes together\n\n| in flight | {string.Join(" | ", ways.Select(way => way.Way))} |\n|---|{string.Concat(ways.Select(_ => "---|"))}\n{string.Join("\n", cpu)}");
        return speeds.Single(one => one is { Size: GoalSize, InFlight: 1 }).Ratio(1);
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

    private static async Task<(double Channel, double Control)> LatencyAsync(ChannelEnds ends, bool quick)
    {
        await using var silo = await EchoSilo.StartAsync(ends.Serving.Where.SiloPort);
        Console.WriteLine("\ngrain calls between the two processes' silos every 5 ms, ms, while 4 x 16 MB are in flight\n\n| beside | idle median | p95 | loaded median | p95 | max | times | GB/s meanwhile |\n|---|---|---|---|---|---|---|---|");
        double channel = 0, control = 0;
        var copies = new Throughput(ChannelWays.Copies, null, 0);
        copies.Use(ends.Destinations);
        foreach (var way in (Throughput[])[copies, .. ends.Ways])
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
