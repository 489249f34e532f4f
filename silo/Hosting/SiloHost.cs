using System.Net.Sockets;
using Ctwa.Grains.Abstractions;
using System.Security.Cryptography.X509Certificates;
using Ctwa.Grains.Channel;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Grid.Tls;
using Ctwa.Silo.Hosting.Gpu;
using Ctwa.Silo.Hosting.Health;
using Ctwa.Silo.Hosting.Kubernetes;
using Ctwa.Silo.Hosting.Options;
using Ctwa.Silo.Hosting.Redis;
using Ctwa.Silo.Hosting.Telemetry;
using Ctwa.Silo.Hosting.Tls;
using Ctwa.Silo.Hosting.Web;
using Ctwa.Training.Native;
using Microsoft.AspNetCore.Connections;
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

    /// <returns>One of <see cref="SiloExitCodes"/>.</returns>
    public static async Task<int> RunAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        try { return await ServeAsync(options, cancellationToken); }
        catch (SiloFailure failure)
        {
            await Console.Error.WriteLineAsync("error: " + failure.Message);
            return failure.ExitCode;
        }
    }

    private static async Task<int> ServeAsync(SiloOptions options, CancellationToken cancellationToken)
    {
        TorchNative.EnsureLoaded();
        IReadOnlyList<torch.Device> devices;
        try { devices = ComputeDevice.ParseList(options.Work.Device); }
        catch (ArgumentException wrong) { throw new SiloFailure(SiloExitCodes.BadInput, "--device " + wrong.Message, wrong); }

        torch.set_num_threads(1);
        // Control-plane turns must find a thread even while reward calls occupy the pool.
        ThreadPool.SetMinThreads(Math.Max(16, Environment.ProcessorCount), 16);

        if (options is { Security: { Tokens: not null, Secret: null }, Cluster.Redis: not null }) { throw new SiloFailure(SiloExitCodes.BadInput, "--tokens needs the grid's secret too (--secret-file or CTWA_CLUSTER_SECRET): silos prove with it that they are no clients."); }
        var tls = LoadTls(options.Security.Tls);
        using var data = options.Folders.Data is { } folder ? DataFolder.Open(folder) : null;
        // Before the silo and after it: what it says when it begins and ends is told too.
        await using var telemetry = SiloTelemetry.Start(options.Telemetry, options.Cluster.ClusterId, servesHttp: options.Operation.HealthPort is not null);
        using var gpus = telemetry is null ? null : GpuMetrics.Start();
        var probe = new HealthProbe(options.Operation.StuckAfter);
        await using var web = options.Operation.HealthPort is { } port ? await WebServer.StartAsync(options.Cluster.Bind, port, probe, cancellationToken) : null;
        using var host = await StartAsync(options, devices, tls, probe, web, telemetry, cancellationToken);
        if (host is null) { return SiloExitCodes.Success; }
        await Console.Out.WriteLineAsync(GridIdentity.ReadyLine);
        await Console.Out.WriteLineAsync(Ports(host.Services, web));
        await host.WaitForShutdownAsync(cancellationToken);
        return host.Services.GetRequiredService<Departure>().ExitCode;
    }

    /// <returns>Null: it was asked to leave before it served.</returns>
    private static async Task<IHost?> StartAsync(SiloOptions options, IReadOnlyList<torch.Device> devices, TlsLink? tls, HealthProbe probe, WebServer? web, SiloTelemetry? telemetry, CancellationToken cancellationToken)
    {
        Departure departure;
        bool choosesPorts = options.Cluster is { SiloPort: 0 } or { GatewayPort: 0 };
        for (int attempt = 1; ; attempt++)
        {
            var chosen = FreePorts.Choose(options.Cluster);
            var host = Build(options with { Cluster = chosen }, devices, tls, telemetry);
            departure = host.Services.GetRequiredService<Departure>();
            try
            {
                if (options.Operation.ParentStdin && attempt == 1) { ParentLink.Follow(() => departure); }
                if (host.Services.GetService<GridRedis>() is { } redis)
                {
                    await redis.RequireAsync(cancellationToken);
                    await host.Services.GetRequiredService<SharedSecret>().RequireAsync(cancellationToken);
                }

                if (host.Services.GetService<PodAccess>() is { } pods) { await pods.RequireAsync(cancellationToken); }
                probe.Attach(host.Services);
                web?.Attach(host.Services);
                await host.StartAsync(cancellationToken);
                return host;
            }
            catch (Exception failure)
            {
                host.Dispose();
                if (failure is OperationCanceledException && departure.HasEnded) { return null; }
                if (IsPortTaken(failure) && choosesPorts && attempt < Attempts) { continue; }
                if (IsPortTaken(failure)) { throw new SiloFailure(SiloExitCodes.PortTaken, $"{failure.Message.TrimEnd('.')}. Choose other ports (--silo-port, --gateway-port, --channel-port), or 0 for free ones.", failure); }
                if (failure is RedisUnreachableException unreachable) { throw new SiloFailure(SiloExitCodes.RedisUnreachable, unreachable.Message, unreachable); }
                throw;
            }
        }
    }

    private static TlsLink? LoadTls(TlsFiles? files)
    {
        try { return files is null ? null : TlsCertificates.Load(files.Authority, files.Certificate, files.Key); }
        catch (FormatException wrong) { throw new SiloFailure(SiloExitCodes.BadInput, wrong.Message, wrong); }
    }

    private static bool IsPortTaken(Exception? failure)
    {
        for (; failure is not null; failure = failure.InnerException)
        {
            if (failure is AddressInUseException or SocketException { SocketErrorCode: SocketError.AddressAlreadyInUse }) { return true; }
        }

        return false;
    }

    private static IHost Build(SiloOptions options, IReadOnlyList<torch.Device> devices, TlsLink? tls, SiloTelemetry? telemetry)
    {
        // Empty: no configuration of whatever folder or environment this is.
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.UseUtcTimestamp = true;
            console.ColorBehavior = Microsoft.Extensions.Logging.Console.LoggerColorBehavior.Disabled;
            // The ids of the trace, where there is one.
            console.IncludeScopes = options.Telemetry.Traces;
        });
        if (options.Telemetry.Traces) { builder.Logging.Configure(logging => logging.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId); }
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        if (telemetry is not null)
        {
            builder.Services.AddSingleton(telemetry);
            telemetry.AddTo(builder.Logging);
        }

        // Whenever a silo joins or leaves, queues of events move, and their readers report every call that broke off.
        builder.Logging.AddFilter("Orleans.Providers.MemoryAdapterReceiver", LogLevel.Critical).AddFilter("Orleans.Streams", LogLevel.Critical);
        // Why a member was taken off the list.
        builder.Logging.AddFilter("Orleans.Hosting.Kubernetes", LogLevel.Information);
        // A silo of a grid hands its grains over to others, which takes longer than to end alone.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(options.Cluster.Redis is null ? 10 : 30));
        builder.Services.AddSingleton(services => ActivatorUtilities.CreateInstance<Departure>(services, options.Operation.DrainTimeout));
        if (options.Operation.ParentStdin) { builder.Services.AddSingleton<IHostLifetime, ParentLink.Lifetime>(); }
        else { builder.Services.AddSingleton<IHostLifetime, SignalLifetime>(); }
        builder.Services.AddSingleton(options.Folders);
        SiloWebOptions? web = options.Operation.HealthPort is null ? null : new(options.Cluster.Bind, options.Operation.Dashboard);
        if (web is not null) { builder.Services.AddSiloEndpoints(web); }
        if (options.Security.Tokens is { } tokens) { builder.Services.AddSingleton(new GridTokensFile(tokens)); }
        if (options.Security.Secret is { } secret) { builder.Services.AddSingleton(secret); }
        builder.UseOrleans(silo =>
        {
            silo.UseClustering(options.Cluster, options.Folders);
            if (options.Telemetry.Traces) { silo.AddActivityPropagation(); }
            if (tls is not null) { silo.UseTls(tls); }
            // A silo alone has nobody to exchange tensors with.
            if (options.Cluster.Redis is not null) { silo.AddTensorChannel(Channel(options)); }
            var compute = new SiloComputeOptions { Lanes = options.Work.Lanes, Devices = devices, Rewards = options.Rewards };
            silo.AddGrid(compute, SiloSelf.Of(compute, options.Work.Computes, options.Work.MemoryBytes));
            if (web is { Dashboard: true }) { silo.AddOrleansDashboard(); }
        });
        return builder.Build();
    }

    private static TensorChannelOptions Channel(SiloOptions options) => new()
    {
        ListenHost = options.Cluster.Bind.ToString(),
        AdvertisedHost = options.Cluster.Advertise.ToString(),
        Port = options.Cluster.ChannelPort,
        Secret = options.Security.Secret is { } secret ? Convert.ToHexString(secret.Bytes.Span) : null,
        Tls = options.Security.Tls is { } files ? new TensorChannelTls(X509Certificate2.CreateFromPemFile(files.Certificate, files.Key), X509CertificateLoader.LoadCertificateFromFile(files.Authority)) : null,
    };

    private static string Ports(IServiceProvider services, WebServer? web)
    {
        var silo = services.GetRequiredService<ILocalSiloDetails>();
        int channel = services.GetRequiredService<SiloSelf>().Channel.Port;
        return FormattableString.Invariant($"{GridIdentity.PortsLine} silo={silo.SiloAddress.Endpoint.Port} gateway={silo.GatewayAddress?.Endpoint.Port ?? 0} channel={channel} health={web?.Port ?? 0} address={silo.SiloAddress.ToParsableString()}");
    }
}
