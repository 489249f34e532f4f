using System.Security.Cryptography;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Ctwa.Bench.Channel;

/// <summary>A serving process, and this process' ends of every way to it.</summary>
internal sealed class ChannelEnds : IAsyncDisposable
{
    private readonly BenchTensor _tensor;
    private readonly Dictionary<string, TensorChannel> _channels;

    private ChannelEnds(ServingProcess.Settings settings, ServingProcess serving, BenchTensor tensor, Dictionary<string, TensorChannel> channels)
    {
        (Settings, Serving, _tensor, _channels) = (settings, serving, tensor, channels);
        Ways = WaysTo(serving);
    }

    public ServingProcess.Settings Settings { get; }

    public ServingProcess Serving { get; }

    /// <summary>Where all ways write to.</summary>
    public nint[] Destinations { get; } = Throughput.Allocate();

    /// <summary>The raw socket first.</summary>
    public Throughput[] Ways { get; }

    /// <param name="silo">Whether the serving process is a silo too.</param>
    public static async Task<ChannelEnds> OpenAsync(bool silo)
    {
        var (first, second, authority) = BenchCertificates.Make();
        string secret = Convert.ToBase64String(RandomNumberGenerator.GetBytes(32));
        var settings = new ServingProcess.Settings(secret, first, authority, Silo: silo);
        var serving = await ServingProcess.StartAsync(settings);
        var tls = BenchCertificates.Load(second, authority);
        var tensor = new BenchTensor();
        var channels = ChannelWays.OfChannel.ToDictionary(way => way, way => new TensorChannel(ChannelWays.Options(way, secret, tls), tensor, NullLogger<TensorChannel>.Instance));
        return new ChannelEnds(settings, serving, tensor, channels);
    }

    /// <summary>The same ways to another serving process.</summary>
    public Throughput[] WaysTo(ServingProcess serving)
    {
        Throughput[] ways = [.. ((string[])[ChannelWays.Raw, .. ChannelWays.OfChannel]).Select(way => new Throughput(way, _channels.GetValueOrDefault(way), serving.Where.Ports[way]))];
        foreach (var way in ways) { way.Use(Destinations); }
        return ways;
    }

    /// <summary>Whether every way brings what was sent; says which does not.</summary>
    public async Task<bool> CopiesAsync()
    {
        foreach (var way in Ways)
        {
            Clear(Destinations[0]);
            await way.RunAsync(BenchTensor.Bytes, 1, TimeSpan.Zero);
            if (_tensor.IsCopied(Destinations[0], BenchTensor.Bytes)) { continue; }
            Console.WriteLine($"{way.Way}: what arrived differs from what was sent");
            return false;
        }

        return true;

        static unsafe void Clear(nint destination) => new Span<byte>((void*)destination, BenchTensor.Bytes).Clear();
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var channel in _channels.Values) { await channel.DisposeAsync(); }
        Serving.Dispose();
    }
}
