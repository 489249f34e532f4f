using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Channel;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Coordination;
using Ctwa.Grains.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Hosting;

namespace Ctwa.Grains.Tests;

/// <summary>Several silos of one grid in the test's process. Tensors go from memory to memory; everything else is as on a grid of machines.</summary>
internal sealed class TestGrid : IAsyncDisposable, IEpochSource
{
    private readonly string _clusterId = $"ctwa-{Guid.NewGuid():N}";
    private readonly List<IHost?> _hosts = [];
    private readonly Transport _transport = new();
    private readonly ConcurrentDictionary<string, long> _epochs = new();
    private IPEndPoint? _primary;

    /// <summary>Transfers and their bytes so far.</summary>
    public (long Count, long Bytes) Transfers => (_transport.Count, _transport.Bytes);

    /// <summary>Called before each transfer; what it throws is its failure.</summary>
    public Action<TensorRequest>? BeforeTransfer { set => _transport.Before = value; }

    /// <summary>Transfers that a silo has served so far.</summary>
    public int ServedBy(int silo) => _transport.Served.GetValueOrDefault(silo + 1);

    public IGrainFactory Grains => _hosts.First(host => host is not null)!.Services.GetRequiredService<IGrainFactory>();

    public static async Task<TestGrid> StartAsync(int silos, int lanes = 1)
    {
        var grid = new TestGrid();
        for (int i = 0; i < silos; i++) { await grid.JoinAsync(lanes); }
        return grid;
    }

    /// <returns>The silo's index.</returns>
    public async Task<int> JoinAsync(int lanes = 1, bool computes = true)
    {
        for (int attempt = 1; ; attempt++)
        {
            var (silo, gateway) = FreePorts();
            _primary ??= new IPEndPoint(IPAddress.Loopback, silo);
            int index = _hosts.Count;
            var options = new SiloComputeOptions { Lanes = lanes };
            var self = SiloSelf.Of(options, computes);
            self.ServeTensorsAt("memory", index + 1);
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
            builder.UseOrleans(orleans => orleans
                .UseLocalhostClustering(silo, gateway, _primary, GridIdentity.ServiceId, _clusterId)
                .AddGridStorage(null)
                .AddGrid(options, self));
            builder.Services.AddSingleton<ITensorTransport>(_transport);
            builder.Services.AddSingleton<IEpochSource>(this);
            var host = builder.Build();
            try
            {
                await host.StartAsync();
            }
            catch (SocketException) when (attempt < 5)
            {
                host.Dispose();
                if (index == 0) { _primary = null; }
                continue;
            }

            _transport.Sources[index + 1] = host.Services.GetRequiredService<JobHosts>();
            _hosts.Add(host);
            return index;
        }
    }

    public string AddressOf(int silo) => _hosts[silo]!.Services.GetRequiredService<JobHosts>().Silo;

    public IServiceProvider ServicesOf(int silo) => _hosts[silo]!.Services;

    public SiloSelf SelfOf(int silo) => _hosts[silo]!.Services.GetRequiredService<SiloSelf>();

    public JobHosts HostsOf(int silo) => _hosts[silo]!.Services.GetRequiredService<JobHosts>();

    /// <summary>Takes a silo away without a farewell. Not the first, which keeps the membership of these tests.</summary>
    public async Task KillAsync(int silo)
    {
        var host = _hosts[silo]!;
        _hosts[silo] = null;
        _transport.Sources.TryRemove(silo + 1, out _);
        await host.StopAsync(new CancellationToken(canceled: true));
        host.Dispose();
    }

    /// <inheritdoc/>
    public Task<long> NextAsync(string jobId, long atLeast, CancellationToken cancellationToken) =>
        Task.FromResult(_epochs.AddOrUpdate(jobId, Math.Max(1, atLeast), (_, last) => Math.Max(last + 1, atLeast)));

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.AsEnumerable().Reverse())
        {
            if (host is null) { continue; }
            await host.StopAsync();
            host.Dispose();
        }
    }

    private static (int Silo, int Gateway) FreePorts()
    {
        using TcpListener first = new(IPAddress.Loopback, 0), second = new(IPAddress.Loopback, 0);
        first.Start();
        second.Start();
        return (((IPEndPoint)first.LocalEndpoint).Port, ((IPEndPoint)second.LocalEndpoint).Port);
    }

    private sealed class Transport : ITensorTransport
    {
        private long _count;
        private long _bytes;

        public ConcurrentDictionary<int, JobHosts> Sources { get; } = new();

        public ConcurrentDictionary<int, int> Served { get; } = new();

        public Action<TensorRequest>? Before { get; set; }

        public long Count => Interlocked.Read(ref _count);

        public long Bytes => Interlocked.Read(ref _bytes);

        public async Task PullAsync(TensorEndpoint peer, TensorRequest request, nint destination, CancellationToken cancellationToken)
        {
            await Task.Yield();
            Before?.Invoke(request);
            if (!Sources.TryGetValue(peer.Port, out var source)) { throw new IOException($"nobody serves tensors at {peer}."); }
            Copy(source, request, destination);
            Served.AddOrUpdate(peer.Port, 1, (_, count) => count + 1);
            Interlocked.Increment(ref _count);
            Interlocked.Add(ref _bytes, request.Length);
        }

        private static unsafe void Copy(JobHosts source, TensorRequest request, nint destination)
        {
            using var lease = source.Open(request);
            Unsafe.CopyBlockUnaligned((void*)destination, (void*)lease.Address, checked((uint)request.Length));
        }
    }
}
