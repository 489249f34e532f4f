using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using Ctwa.Bench.Measuring;
using Ctwa.TestKit.Grid;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Hosting;

namespace Ctwa.Bench.ControlPlane;

/// <summary>What steps of simulated shards took.</summary>
/// <param name="Steps">Milliseconds, [steps][phases].</param>
/// <param name="Cpu">Milliseconds of processor per step, of each silo.</param>
/// <param name="Cold">Milliseconds of the very first step.</param>
internal sealed record ControlPlaneRun(double[][] Steps, double[] Cpu, double Cold);

/// <summary>Two silo processes and a client, and a coordinator on one of them.</summary>
internal sealed class ControlPlaneGrid : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-control-plane-").FullName;
    private readonly List<GridProcess> _silos = [];
    private IHost? _client;
    private IControlPlaneGrain? _coordinator;
    private int _number;

    private ControlPlaneGrid() { }

    /// <summary>Most resident memory of one of the silos so far.</summary>
    public long? PeakBytes => _silos.Max(silo => PeakMemory.Read(silo.Self.Id));

    /// <summary>Starts the processes.</summary>
    /// <exception cref="TimeoutException">The second silo did not join.</exception>
    public static async Task<ControlPlaneGrid> StartAsync(Checkout checkout)
    {
        var grid = new ControlPlaneGrid();
        try
        {
            await grid.BeginAsync(checkout);
            return grid;
        }
        catch
        {
            await grid.DisposeAsync();
            throw;
        }
    }

    /// <summary>Steps one after the other; half as many come first and are not counted.</summary>
    public async Task<ControlPlaneRun> RunAsync(int shards, int steps, bool fan)
    {
        double cold = (await _coordinator!.Step(++_number, shards, fan)).Sum();
        for (int i = 0; i < steps / 2; i++) { await _coordinator.Step(++_number, shards, fan); }
        double[] before = [.. _silos.Select(Cpu)];
        double[][] phases = new double[steps][];
        for (int i = 0; i < steps; i++) { phases[i] = await _coordinator.Step(++_number, shards, fan); }
        return new ControlPlaneRun(phases, [.. _silos.Select((silo, i) => (Cpu(silo) - before[i]) / steps)], cold);
    }

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
        {
            await _client.StopAsync();
            _client.Dispose();
        }

        foreach (var silo in _silos) { await silo.DisposeAsync(); }
        Directory.Delete(_folder, recursive: true);
    }

    private async Task BeginAsync(Checkout checkout)
    {
        int[] ports = FreePorts.Find(4);
        await StartSiloAsync(checkout, "silo-a", ports[0], ports[1], ports[0]);
        await StartSiloAsync(checkout, "silo-b", ports[2], ports[3], ports[0]);
        _client = Client(ports[1]);
        await _client.StartAsync();
        _coordinator = _client.Services.GetRequiredService<IGrainFactory>().GetGrain<IControlPlaneGrain>("coordinator");
        var clock = Stopwatch.StartNew();
        while (await _coordinator.Members() < 2)
        {
            if (clock.Elapsed > TimeSpan.FromSeconds(60)) { throw new TimeoutException("the second silo did not join within 60 s."); }
            await Task.Delay(200);
        }
    }

    private async Task StartSiloAsync(Checkout checkout, string name, int siloPort, int gatewayPort, int primaryPort)
    {
        string[] ports = [.. ((int[])[siloPort, gatewayPort, primaryPort]).Select(port => port.ToString(CultureInfo.InvariantCulture))];
        var silo = await GridProcess.StartAsync(name, [checkout.DotnetHost, Assembly.GetExecutingAssembly().Location, "control-plane", "--silo", .. ports], Path.Combine(_folder, name + ".log"), _folder);
        _silos.Add(silo);
        await silo.WaitForLogAsync(ControlPlaneSilo.Ready, TimeSpan.FromSeconds(90));
    }

    private static IHost Client(int gatewayPort)
    {
        var builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client => client.UseLocalhostClustering(gatewayPort, ControlPlaneSilo.Cluster, ControlPlaneSilo.Cluster));
        return builder.Build();
    }

    /// <summary>Processor time that a silo has used, milliseconds.</summary>
    private static double Cpu(GridProcess silo)
    {
        using var process = Process.GetProcessById(silo.Self.Id);
        return process.TotalProcessorTime.TotalMilliseconds;
    }
}
