using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Ctwa.Grains.Channel;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>What a pull does when the line or the serving end fails.</summary>
public sealed class BrokenLineTests
{
    private const int Length = 8 << 20;

    private static readonly TimeSpan s_bound = TimeSpan.FromSeconds(15);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(150)]
    [InlineData(200)]
    [InlineData(3_000_000)]
    public async Task A_changed_byte_is_an_error_and_never_a_value(long at)
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var tensor = UnmanagedTensor.Filled(Length, 4);
        using var destination = new UnmanagedTensor(Length);
        pair.Tensors.Offer(1, tensor);
        using var proxy = new ByteProxy(pair.Server.Endpoint, passing =>
        {
            long index = at - passing.Position;
            if (passing is { ToClient: true, Connection: 1 } && index >= 0 && index < passing.Bytes.Length) { passing.Bytes.Span[(int)index] ^= 0x10; }
            return Task.FromResult(true);
        });
        await Assert.ThrowsAsync<TensorCorruptException>(() => pair.PullAsync(1, destination, Token, by: proxy.Endpoint).WaitAsync(s_bound, Token));
        await pair.PullAsync(1, destination, Token, by: proxy.Endpoint);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
        await Eventually.IsAsync(() => pair.Tensors.Held == 0, "the leases are released", Token);
    }

    [Fact]
    public async Task A_byte_changed_on_its_way_to_the_server_is_refused()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var tensor = UnmanagedTensor.Filled(100, 4);
        using var destination = new UnmanagedTensor(100);
        pair.Tensors.Offer(1, tensor);
        using var proxy = new ByteProxy(pair.Server.Endpoint, passing =>
        {
            if (passing is { ToClient: false, Position: >= ChannelHandshake.HelloBytes + ChannelHandshake.ProofBytes }) { passing.Bytes.Span[20] ^= 1; }
            return Task.FromResult(true);
        });
        await Assert.ThrowsAnyAsync<IOException>(() => pair.PullAsync(1, destination, Token, by: proxy.Endpoint).WaitAsync(s_bound, Token));
        Assert.Equal(0, pair.Tensors.Opened);
    }

    [Fact]
    public async Task A_server_that_vanishes_mid_transfer_is_an_error_that_names_it()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var tensor = UnmanagedTensor.Filled(Length, 4);
        using var destination = new UnmanagedTensor(Length);
        pair.Tensors.Offer(1, tensor);
        using var proxy = new ByteProxy(pair.Server.Endpoint, passing => Task.FromResult(!passing.ToClient || passing.Position < 2_000_000));
        long start = Stopwatch.GetTimestamp();
        var failure = await Assert.ThrowsAnyAsync<IOException>(() => pair.PullAsync(1, destination, Token, by: proxy.Endpoint));
        Assert.Contains($"127.0.0.1:{proxy.Endpoint.Port}", failure.Message);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 8);
    }

    [Fact]
    public async Task A_server_that_freezes_is_a_timeout_once_however_many_wait()
    {
        var options = ChannelPair.Plain with { Deadline = TimeSpan.FromSeconds(1), HandshakeDeadline = TimeSpan.FromSeconds(1), RequestsInFlight = 2 };
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain, options);
        using var tensor = UnmanagedTensor.Filled(Length, 4);
        using var destination = new UnmanagedTensor(Length * 12L);
        pair.Tensors.Offer(1, tensor);
        bool frozen = false;
        using var proxy = new ByteProxy(pair.Server.Endpoint, async passing =>
        {
            // A frozen server sends nothing on later connections either.
            if (passing is { ToClient: true, Position: > 500_000 }) { Volatile.Write(ref frozen, true); }
            if (Volatile.Read(ref frozen)) { await Task.Delay(Timeout.Infinite, passing.End); }
            return true;
        });
        long start = Stopwatch.GetTimestamp();
        var pulls = Enumerable.Range(0, 12).Select(i => pair.Client.PullAsync(proxy.Endpoint, new TensorRequest(TestTensors.Id(1), 1, 0, Length), destination.Address + (i * Length), Token)).ToArray();
        foreach (var pull in pulls) { await Assert.ThrowsAsync<TimeoutException>(() => pull); }
        // Not twelve deadlines one after the other, two at a time.
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.9, 4.5);
    }

    [Fact]
    public async Task Cancelling_ends_running_and_waiting_pulls_at_once()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain, ChannelPair.Plain with { RequestsInFlight = 1 });
        using var tensor = UnmanagedTensor.Filled(Length, 4);
        using var destination = new UnmanagedTensor(Length);
        pair.Tensors.Offer(1, tensor);
        bool frozen = true;
        using var proxy = new ByteProxy(pair.Server.Endpoint, async passing =>
        {
            if (frozen && passing is { ToClient: true, Position: > 500_000 }) { await Task.Delay(Timeout.Infinite, passing.End); }
            return true;
        });
        using CancellationTokenSource running = new(), waiting = new();
        var first = pair.PullAsync(1, destination, running.Token, by: proxy.Endpoint);
        await Eventually.IsAsync(() => pair.Tensors.Held == 1, "the first runs", Token);
        var second = pair.PullAsync(1, destination, waiting.Token, by: proxy.Endpoint);
        var third = pair.PullAsync(1, destination, Token, by: proxy.Endpoint);
        long start = Stopwatch.GetTimestamp();
        await waiting.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        Assert.False(first.IsCompleted);
        frozen = false;
        await running.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 5);
        await third.WaitAsync(s_bound, Token);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.PullAsync(1, destination, running.Token));
    }

    [Fact]
    public async Task Ending_the_channel_ends_its_pulls_and_releases_its_leases()
    {
        var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain, ChannelPair.Plain with { RequestsInFlight = 1 });
        using var tensor = UnmanagedTensor.Filled(Length, 4);
        using var destination = new UnmanagedTensor(Length);
        pair.Tensors.Offer(1, tensor);
        using var proxy = new ByteProxy(pair.Server.Endpoint, async passing =>
        {
            if (passing is { ToClient: true, Position: > 500_000 }) { await Task.Delay(Timeout.Infinite, passing.End); }
            return true;
        });
        Task running = pair.PullAsync(1, destination, Token, by: proxy.Endpoint), waiting = pair.PullAsync(1, destination, Token, by: proxy.Endpoint);
        await Eventually.IsAsync(() => pair.Tensors.Held == 1, "the first runs", Token);
        await pair.DisposeAsync().AsTask().WaitAsync(s_bound, Token);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running.WaitAsync(s_bound, Token));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(s_bound, Token));
        Assert.Equal(0, pair.Tensors.Held);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.PullAsync(1, destination, Token));
    }

    [Fact]
    public async Task Nobody_there_is_an_error_at_once_and_silence_there_one_in_bounded_time()
    {
        await using var pair = await ChannelPair.StartAsync(Token, client: ChannelPair.Plain with { HandshakeDeadline = TimeSpan.FromSeconds(1) });
        using var destination = new UnmanagedTensor(10);
        using var silent = new TcpListener(IPAddress.Loopback, 0);
        silent.Start();
        int port = ((IPEndPoint)silent.LocalEndpoint).Port;
        await Assert.ThrowsAsync<TimeoutException>(() => pair.PullAsync(1, destination, Token, by: new TensorEndpoint("127.0.0.1", port)).WaitAsync(s_bound, Token));
        silent.Stop();
        Assert.Contains("ConnectionRefused", (await Assert.ThrowsAnyAsync<IOException>(() => pair.PullAsync(1, destination, Token, by: new TensorEndpoint("127.0.0.1", port)).WaitAsync(s_bound, Token))).Message);
        Assert.Contains("no-such-host.invalid", (await Assert.ThrowsAnyAsync<IOException>(() => pair.PullAsync(1, destination, Token, by: new TensorEndpoint("no-such-host.invalid", port)).WaitAsync(s_bound, Token))).Message);
    }

    [Fact]
    public async Task A_connect_that_nobody_answers_ends_at_its_deadline()
    {
        // A full backlog: the kernel answers no more connects to it.
        using var full = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        full.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        full.Listen(1);
        var endpoint = (IPEndPoint)full.LocalEndPoint!;
        var crowd = Enumerable.Range(0, 4).Select(_ => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)).ToArray();
        foreach (var one in crowd) { _ = one.ConnectAsync(endpoint, Token).AsTask().ContinueWith(task => task.Exception, Token); }
        await Task.Delay(200, Token);
        await using var pair = await ChannelPair.StartAsync(Token, client: ChannelPair.Plain with { HandshakeDeadline = TimeSpan.FromSeconds(1) });
        using var destination = new UnmanagedTensor(10);
        long start = Stopwatch.GetTimestamp();
        await Assert.ThrowsAsync<TimeoutException>(() => pair.PullAsync(1, destination, Token, by: new TensorEndpoint("127.0.0.1", endpoint.Port)).WaitAsync(s_bound, Token));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.8, 8);
        foreach (var one in crowd) { one.Dispose(); }
    }
}
