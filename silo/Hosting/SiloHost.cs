using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Training.Native;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using TorchSharp;

namespace Ctwa.Silo.Hosting;

/// <summary>Builds and runs the silo's host.</summary>
internal static class SiloHost
{
    public static async Task<int> RunAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        TorchNative.EnsureLoaded();
        IReadOnlyList<torch.Device> devices;
        try { devices = ComputeDevice.ParseList(options.Device); }
        catch (ArgumentException wrong)
        {
            await Console.Error.WriteLineAsync("error: --device " + wrong.Message);
            return 2;
        }

        torch.set_num_threads(1);
        // Control-plane turns must find a thread even while reward calls occupy the pool.
        ThreadPool.SetMinThreads(Math.Max(16, Environment.ProcessorCount), 16);

        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders().AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
        });
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(10));
        if (options.ParentStdin) { builder.Services.AddSingleton<IHostLifetime, ParentLink.Lifetime>(); }
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(options.SiloPort, options.GatewayPort, primarySiloEndpoint: null, GridIdentity.ServiceId, options.ClusterId);
            silo.AddGrid(new SiloComputeOptions { Lanes = options.Lanes, Devices = devices, Rewards = options.Rewards });
        });

        using var host = builder.Build();
        if (options.ParentStdin) { ParentLink.Follow(host.Services.GetRequiredService<IHostApplicationLifetime>()); }
        await host.StartAsync(cancellationToken);
        await Console.Out.WriteLineAsync(GridIdentity.ReadyLine);
        await host.WaitForShutdownAsync(cancellationToken);
        return 0;
    }
}
