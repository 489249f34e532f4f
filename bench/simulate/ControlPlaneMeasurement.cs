using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Ctwa.Bench.ControlPlane;
using Ctwa.Grains.Coordination;
using Ctwa.TestKit.Grid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;

namespace Ctwa.Bench.Simulate;

/// <summary>Seconds that a coordinator takes to have simulated shards on two silos generate and accumulate, by their number; calls as the grid makes them.</summary>
internal static class ControlPlaneMeasurement
{
    /// <returns>Median seconds of the two phases together.</returns>
    public static async Task<IReadOnlyList<double>> RunAsync(string folder, IReadOnlyList<int> shards, int steps)
    {
        int[] ports = FreePorts.Find(4);
        await using var first = await StartAsync(folder, "silo-a", ports[0], ports[1], ports[0]);
        await using var second = await StartAsync(folder, "silo-b", ports[2], ports[3], ports[0]);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(ports[1], ControlPlaneSilo.Cluster, ControlPlaneSilo.Cluster));
        using var host = builder.Build();
        await host.StartAsync();
        var grain = host.Services.GetRequiredService<IGrainFactory>().GetGrain<IControlPlaneGrain>("coordinator");
        var clock = Stopwatch.StartNew();
        while (await grain.Members() < 2)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(60)) { throw new TimeoutException("the second silo did not join within 60 s."); }
            await Task.Delay(200);
        }

        var medians = new List<double>();
        int number = 0;
        foreach (int count in shards)
        {
            var seconds = new List<double>();
            for (int step = 0; step < steps + (steps / 2); step++)
            {
                double[] phases = await grain.Step(++number, count, count >= GrainBackend.FanFrom);
                // The first ones compile.
                if (step >= steps / 2) { seconds.Add((phases[0] + phases[2]) / 1e3); }
            }

            medians.Add(seconds.Order().ElementAt(seconds.Count / 2));
        }

        await host.StopAsync();
        return medians;
    }

    private static async Task<GridProcess> StartAsync(string folder, string name, int siloPort, int gatewayPort, int primaryPort)
    {
        string[] ports = [.. ((int[])[siloPort, gatewayPort, primaryPort]).Select(port => port.ToString(CultureInfo.InvariantCulture))];
        var silo = await GridProcess.StartAsync(name, [Checkout.Find().DotnetHost, Assembly.GetExecutingAssembly().Location, "control-plane", "--silo", .. ports], Path.Combine(folder, name + ".log"), folder);
        await silo.WaitForLogAsync(ControlPlaneSilo.Ready, TimeSpan.FromSeconds(90));
        return silo;
    }
}
