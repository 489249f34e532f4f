using System.Net;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Rollouts;
using Ctwa.Training.Native;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Ctwa.Bench.ControlPlane;

/// <summary>A silo of the benchmark: the grid's own, except that its shards are simulated.</summary>
internal static class ControlPlaneSilo
{
    public const string Cluster = "control-plane";

    public const string Ready = "silo ready";

    /// <param name="siloPort">For the other silo.</param>
    /// <param name="gatewayPort">For the client.</param>
    /// <param name="primaryPort">Silo port of the silo that keeps the membership.</param>
    public static async Task RunAsync(int siloPort, int gatewayPort, int primaryPort)
    {
        TorchNative.EnsureLoaded(); // devices are named by libtorch; nothing is computed
        ThreadPool.SetMinThreads(Math.Max(16, Environment.ProcessorCount), 16);
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(siloPort, gatewayPort, new IPEndPoint(IPAddress.Loopback, primaryPort), Cluster, Cluster);
            silo.AddGrid(new Ctwa.Grains.Compute.SiloComputeOptions());
            silo.Services.AddSingleton<IShardStations, SimulatedStations>();
            silo.Configure<GrainTypeOptions>(types => types.Classes.Remove(typeof(RolloutShardGrain)));
        });
        using var host = builder.Build();
        await host.StartAsync();
        Console.WriteLine(Ready);
        await host.WaitForShutdownAsync();
    }
}
