using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Ctwa.TestKit.Grid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;

namespace Ctwa.Bench.ControlPlane;

/// <summary>
/// What a step costs when its shards compute nothing: a coordinator on one of two silo processes gathers generate, score and
/// accumulate from thousands of simulated shards, with messages of the real kinds and sizes.
/// </summary>
internal static class ControlPlaneBenchmark
{
    private const double GoalMilliseconds = 150;

    private const string Help = """
        usage: control-plane [options]
          --shards N    simulated shards over two silos (default 10000)
          --steps N     measured steps per way (default 40; half as many come first)
        exit code 1: the fan-out's median is above the goal of 150 ms
        """;

    /// <summary>Runs the benchmark; with <c>--silo</c> it is one of its own silos.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        if (args is ["--silo", var silo, var gateway, var primary])
        {
            await ControlPlaneSilo.RunAsync(int.Parse(silo, CultureInfo.InvariantCulture), int.Parse(gateway, CultureInfo.InvariantCulture), int.Parse(primary, CultureInfo.InvariantCulture));
            return 0;
        }

        if (Parse(args) is not var (shards, steps))
        {
            await Console.Error.WriteLineAsync(Help);
            return 2;
        }

        var checkout = Checkout.Find();
        var machine = await MachineDescription.ReadAsync(checkout);
        Console.WriteLine($"machine: {machine.Machine}; load {machine.Load}; commit {machine.Commit}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{shards} shards on 2 silo processes, {steps} steps of generate, score, accumulate; milliseconds per step"));
        Console.WriteLine($"{"calls",-34}{"p50",8}{"p95",8}{"max",8}   {"generate",9}{"score",9}{"accumulate",11}   {"CPU a",7}{"CPU b",7}   {"first",7}");
        string folder = Directory.CreateTempSubdirectory("ctwa-control-plane-").FullName;
        int[] ports = FreePorts.Find(4);
        await using var first = await StartAsync(checkout, folder, "silo-a", ports[0], ports[1], ports[0]);
        await using var second = await StartAsync(checkout, folder, "silo-b", ports[2], ports[3], ports[0]);
        using var client = Client(ports[1]);
        await client.StartAsync();
        var grain = client.Services.GetRequiredService<IGrainFactory>().GetGrain<IControlPlaneGrain>("coordinator");
        var clock = Stopwatch.StartNew();
        while (await grain.Members() < 2)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(60)) { throw new TimeoutException("the second silo did not join within 60 s."); }
            await Task.Delay(200);
        }

        var measurement = new Measurement(grain, shards, steps, first, second);
        await measurement.RunAsync("one per shard", fan: false);
        double best = await measurement.RunAsync("batches by silo (the trainer's)", fan: true);
        await client.StopAsync();
        Directory.Delete(folder, recursive: true);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"goal for the fan-out: at most {GoalMilliseconds} ms: {(best <= GoalMilliseconds ? "reached" : "NOT reached")}"));
        return best <= GoalMilliseconds ? 0 : 1;
    }

    private sealed class Measurement(IControlPlaneGrain grain, int shards, int steps, GridProcess first, GridProcess second)
    {
        private int _number;

        /// <returns>The median step, milliseconds.</returns>
        public async Task<double> RunAsync(string name, bool fan)
        {
            double cold = (await grain.Step(++_number, shards, fan)).Sum();
            for (int i = 0; i < steps / 2; i++) { await grain.Step(++_number, shards, fan); }
            double[] cpu = [Cpu(first), Cpu(second)];
            double[][] phases = new double[steps][];
            for (int i = 0; i < steps; i++) { phases[i] = await grain.Step(++_number, shards, fan); }
            cpu = [(Cpu(first) - cpu[0]) / steps, (Cpu(second) - cpu[1]) / steps];
            double[] sums = [.. phases.Select(step => step.Sum()).Order()];
            double[] parts = [.. Enumerable.Range(0, 3).Select(phase => Percentile([.. phases.Select(step => step[phase]).Order()], 0.5))];
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name,-34}{Percentile(sums, 0.5),8:0.0}{Percentile(sums, 0.95),8:0.0}{sums[^1],8:0.0}   {parts[0],9:0.0}{parts[1],9:0.0}{parts[2],11:0.0}   {cpu[0],7:0}{cpu[1],7:0}   {cold,7:0}"));
            return Percentile(sums, 0.5);
        }

        /// <summary>Processor time that a silo has used, milliseconds.</summary>
        private static double Cpu(GridProcess silo)
        {
            using var process = Process.GetProcessById(silo.Self.Id);
            return process.TotalProcessorTime.TotalMilliseconds;
        }
    }

    private static double Percentile(double[] ordered, double share) => ordered[(int)Math.Min(ordered.Length - 1, Math.Floor(share * ordered.Length))];

    private static async Task<GridProcess> StartAsync(Checkout checkout, string folder, string name, int siloPort, int gatewayPort, int primaryPort)
    {
        string[] ports = [.. ((int[])[siloPort, gatewayPort, primaryPort]).Select(port => port.ToString(CultureInfo.InvariantCulture))];
        var silo = await GridProcess.StartAsync(name, [checkout.DotnetHost, Assembly.GetExecutingAssembly().Location, "control-plane", "--silo", .. ports], Path.Combine(folder, name + ".log"), folder);
        await silo.WaitForLogAsync(ControlPlaneSilo.Ready, TimeSpan.FromSeconds(90));
        return silo;
    }

    private static IHost Client(int gatewayPort)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(gatewayPort, ControlPlaneSilo.Cluster, ControlPlaneSilo.Cluster));
        return builder.Build();
    }

    private static (int Shards, int Steps)? Parse(string[] args)
    {
        var (shards, steps) = (10_000, 40);
        for (int i = 0; i < args.Length; i += 2)
        {
            bool isNumber = int.TryParse(i + 1 < args.Length ? args[i + 1] : null, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number > 0;
            switch (args[i])
            {
                case "--shards" when isNumber: shards = number; break;
                case "--steps" when isNumber: steps = number; break;
                default: return null;
            }
        }

        return (shards, steps);
    }
}
