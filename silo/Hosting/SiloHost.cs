using System.Net.Sockets;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Training.Native;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;
using Orleans.Runtime;
using TorchSharp;

namespace Ctwa.Silo.Hosting;

/// <summary>Builds and runs the silo's host.</summary>
internal static class SiloHost
{
    private const int Attempts = 5;

    public static async Task<int> RunAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        TorchNative.EnsureLoaded();
        IReadOnlyList<torch.Device> devices;
        try { devices = ComputeDevice.ParseList(options.Work.Device); }
        catch (ArgumentException wrong)
        {
            await Console.Error.WriteLineAsync("error: --device " + wrong.Message);
            return SiloExitCodes.BadInput;
        }

        torch.set_num_threads(1);
        // Control-plane turns must find a thread even while reward calls occupy the pool.
        ThreadPool.SetMinThreads(Math.Max(16, Environment.ProcessorCount), 16);

        using var host = await StartAsync(options, devices, cancellationToken);
        await Console.Out.WriteLineAsync(GridIdentity.ReadyLine);
        await Console.Out.WriteLineAsync(Ports(host.Services));
        await host.WaitForShutdownAsync(cancellationToken);
        return SiloExitCodes.Success;
    }

    private static async Task<IHost> StartAsync(SiloOptions options, IReadOnlyList<torch.Device> devices, CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            var host = Build(options with { Cluster = FreePorts.Choose(options.Cluster) }, devices);
            try
            {
                if (options.Operation.ParentStdin) { ParentLink.Follow(host.Services.GetRequiredService<IHostApplicationLifetime>()); }
                await host.StartAsync(cancellationToken);
                return host;
            }
            catch (SocketException taken) when (taken.SocketErrorCode == SocketError.AddressAlreadyInUse && attempt < Attempts && options.Cluster is { SiloPort: 0 } or { GatewayPort: 0 })
            {
                // Another process took the port between the choice and the use.
                host.Dispose();
            }
            catch
            {
                host.Dispose();
                throw;
            }
        }
    }

    private static IHost Build(SiloOptions options, IReadOnlyList<torch.Device> devices)
    {
        // No arguments, and no settings of whatever folder this is: the options are all.
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
        if (options.Operation.ParentStdin) { builder.Services.AddSingleton<IHostLifetime, ParentLink.Lifetime>(); }
        builder.Services.AddSingleton(options.Folders);
        if (options.Security.Tokens is { } tokens) { builder.Services.AddSingleton(new GridTokensFile(tokens)); }
        if (options.Security.Secret is { } secret) { builder.Services.AddSingleton(secret); }
        builder.UseOrleans(silo =>
        {
            silo.UseClustering(options.Cluster, options.Folders);
            var compute = new SiloComputeOptions { Lanes = options.Work.Lanes, Devices = devices, Rewards = options.Rewards };
            silo.AddGrid(compute, SiloSelf.Of(compute, options.Work.Computes, options.Work.MemoryBytes));
        });
        return builder.Build();
    }

    private static string Ports(IServiceProvider services)
    {
        var silo = services.GetRequiredService<ILocalSiloDetails>();
        return FormattableString.Invariant($"{GridIdentity.PortsLine} silo={silo.SiloAddress.Endpoint.Port} gateway={silo.GatewayAddress?.Endpoint.Port ?? 0} address={silo.SiloAddress.ToParsableString()}");
    }
}
