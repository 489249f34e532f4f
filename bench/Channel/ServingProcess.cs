using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ctwa.Bench.Channel;

/// <summary>
/// The serving process: this program again. It reads one line of settings, says where it serves, then answers each line by the bytes
/// that it has allocated and the milliseconds of processor that it has used so far, and leaves when its input ends.
/// </summary>
internal sealed class ServingProcess : IDisposable
{
    private readonly Process _process;

    private ServingProcess(Process process, Places places) => (_process, Where) = (process, places);

    public Places Where { get; }

    /// <summary>What the child is told.</summary>
    internal sealed record Settings(string Secret, string Certificate, string Authority, bool Silo);

    /// <summary>What the child answers: ports per way, and of its silo.</summary>
    internal sealed record Places(Dictionary<string, int> Ports, int SiloPort);

    public static async Task<ServingProcess> StartAsync(Settings settings)
    {
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        // Started as `dotnet Ctwa.Bench.dll`, or by its own name.
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet") { start.ArgumentList.Add(typeof(ServingProcess).Assembly.Location); }
        start.ArgumentList.Add("channel");
        start.ArgumentList.Add("--serve");
        var process = Process.Start(start)!;
        await process.StandardInput.WriteLineAsync(JsonSerializer.Serialize(settings));
        string line = await process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(2)) ?? throw new InvalidOperationException("The serving process ended before it served.");
        return new ServingProcess(process, JsonSerializer.Deserialize<Places>(line)!);
    }

    /// <summary>What it has allocated and computed so far.</summary>
    public async Task<(long Bytes, double CpuMs)> UsedAsync()
    {
        await _process.StandardInput.WriteLineAsync("used");
        string line = await _process.StandardOutput.ReadLineAsync().WaitAsync(TimeSpan.FromMinutes(1)) ?? throw new InvalidOperationException("The serving process has ended.");
        string[] parts = line.Split(' ');
        return (long.Parse(parts[0], CultureInfo.InvariantCulture), double.Parse(parts[1], CultureInfo.InvariantCulture));
    }

    public void Dispose()
    {
        _process.StandardInput.Dispose();
        if (!_process.WaitForExit(TimeSpan.FromSeconds(20))) { _process.Kill(); }
        _process.Dispose();
    }

    /// <summary>The child's life.</summary>
    public static async Task<int> ServeAsync()
    {
        var settings = JsonSerializer.Deserialize<Settings>(await Console.In.ReadLineAsync() ?? throw new InvalidOperationException("no settings"))!;
        var tensor = new BenchTensor();
        var tls = BenchCertificates.Load(settings.Certificate, settings.Authority);
        var ports = new Dictionary<string, int> { [ChannelWays.Raw] = RawSocket.Serve(tensor.Address) };
        var channels = new List<TensorChannel>();
        foreach (string way in ChannelWays.OfChannel)
        {
            var channel = new TensorChannel(ChannelWays.Options(way, settings.Secret, tls), tensor, NullLogger<TensorChannel>.Instance);
            await channel.StartAsync(default);
            channels.Add(channel);
            ports[way] = channel.Endpoint.Port;
        }

        await using var silo = settings.Silo ? await EchoSilo.StartAsync(null) : null;
        if (silo is not null) { await silo.ActivateAsync(); }
        Console.WriteLine(JsonSerializer.Serialize(new Places(ports, silo?.Port ?? 0)));
        while (await Console.In.ReadLineAsync() is not null)
        {
            using var own = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{GC.GetTotalAllocatedBytes(precise: true)} {own.TotalProcessorTime.TotalMilliseconds}"));
        }

        foreach (var channel in channels) { await channel.DisposeAsync(); }
        return 0;
    }
}
