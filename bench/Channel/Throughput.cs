using System.Diagnostics;
using System.Runtime.InteropServices;
using Ctwa.Grains.Channel;

namespace Ctwa.Bench.Channel;

/// <summary>Pulls by one way, over and over.</summary>
internal sealed class Throughput
{
    public const int MostInFlight = 4;

    private readonly nint[] _destinations = new nint[MostInFlight];
    private readonly TensorChannel? _channel;
    private readonly TensorEndpoint? _endpoint;
    private readonly Lazy<System.Net.Sockets.Socket>[]? _raw;

    public Throughput(string way, TensorChannel? channel, int port)
    {
        Way = way;
        _channel = channel;
        if (way == ChannelWays.Copies) { return; }
        _endpoint = new TensorEndpoint("127.0.0.1", port);
        if (channel is null) { _raw = [.. Enumerable.Range(0, MostInFlight).Select(_ => new Lazy<System.Net.Sockets.Socket>(() => RawSocket.Connect(port)))]; }
    }

    public string Way { get; }

    /// <summary>All ways write to the same memory, one after the other: what is warm for one is warm for all.</summary>
    public static unsafe nint[] Allocate() => [.. Enumerable.Range(0, MostInFlight).Select(_ => (nint)NativeMemory.AlignedAlloc(BenchTensor.Bytes, 4096))];

    public void Use(nint[] destinations) => destinations.CopyTo(_destinations, 0);

    /// <summary>Pulls for a while.</summary>
    /// <returns>Transfers and bytes per second.</returns>
    public async Task<(int Transfers, double BytesPerSecond)> RunAsync(int length, int inFlight, TimeSpan time, CancellationToken cancellationToken = default)
    {
        long start = Stopwatch.GetTimestamp();
        int[] counts = await Task.WhenAll(Enumerable.Range(0, inFlight).Select(lane => _channel is null
            ? Task.Factory.StartNew(() => RunRaw(lane, length, start, time, cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default)
            : Task.Run(() => RunLaneAsync(lane, length, start, time, cancellationToken), cancellationToken)));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return (counts.Sum(), counts.Sum() * (double)length / seconds);
    }

    private int RunRaw(int lane, int length, long start, TimeSpan time, CancellationToken cancellationToken)
    {
        int count = 0;
        do
        {
            if (_raw is null) { Copy(_destinations[lane], length); } else { RawSocket.Pull(_raw[lane].Value, _destinations[lane], length); }
            count++;
        }
        while (Stopwatch.GetElapsedTime(start) < time && !cancellationToken.IsCancellationRequested);
        return count;
    }

    private static unsafe void Copy(nint destination, int length) => new Span<byte>((void*)destination, length).CopyTo(new Span<byte>((void*)(destination + (BenchTensor.Bytes / 2)), length));

    private async Task<int> RunLaneAsync(int lane, int length, long start, TimeSpan time, CancellationToken cancellationToken)
    {
        int count = 0;
        var request = new TensorRequest(default, 1, 0, length);
        do
        {
            await _channel!.PullInlineAsync(_endpoint!, request, _destinations[lane], CancellationToken.None);
            count++;
        }
        while (Stopwatch.GetElapsedTime(start) < time && !cancellationToken.IsCancellationRequested);
        return count;
    }
}
