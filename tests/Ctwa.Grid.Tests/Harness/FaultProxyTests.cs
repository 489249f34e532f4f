using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.Grid.Tests.Harness;

public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly TcpListener _echo = new(IPAddress.Loopback, 0);
    private readonly FaultProxy _proxy;

    public FaultProxyTests()
    {
        _echo.Start();
        _ = EchoAsync();
        _proxy = new FaultProxy(((IPEndPoint)_echo.LocalEndpoint).Port);
    }

    [Fact]
    public async Task Undisturbed_it_passes_a_megabyte_both_ways_unchanged_and_an_orderly_end()
    {
        using var socket = await ConnectAsync();
        byte[] sent = [.. Enumerable.Range(0, 1 << 20).Select(i => (byte)(i * 31))];
        var sending = Task.Run(async () =>
        {
            for (int done = 0; done < sent.Length;) { done += await socket.SendAsync(sent.AsMemory(done), TestContext.Current.CancellationToken); }
            socket.Shutdown(SocketShutdown.Send);
        }, TestContext.Current.CancellationToken);
        byte[] received = await ReceiveAsync(socket, sent.Length);
        await sending;
        Assert.Equal(sent, received);
        Assert.Equal(0, await socket.ReceiveAsync(new byte[1], TestContext.Current.CancellationToken));
        Assert.Equal(2 * sent.Length, _proxy.Bytes);
        Assert.Equal(0, _proxy.Corrupted);
    }

    [Fact]
    public async Task A_reset_tears_what_is_open_and_serves_what_comes()
    {
        using var torn = await ConnectAsync();
        await EchoesAsync(torn);
        _proxy.Reset();
        await Assert.ThrowsAsync<SocketException>(() => EchoesAsync(torn));
        using var next = await ConnectAsync();
        await EchoesAsync(next);
    }

    [Fact]
    public async Task A_cut_line_refuses_until_it_is_healed()
    {
        using var torn = await ConnectAsync();
        await EchoesAsync(torn);
        _proxy.Cut();
        await Assert.ThrowsAsync<SocketException>(() => EchoesAsync(torn));
        await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using var refused = await ConnectAsync();
            await EchoesAsync(refused);
        });
        _proxy.Heal();
        using var healed = await ConnectAsync();
        await EchoesAsync(healed);
    }

    [Fact]
    public async Task One_byte_is_damaged_and_no_other()
    {
        using var socket = await ConnectAsync();
        _proxy.CorruptAfter(10);
        byte[] sent = new byte[64];
        await socket.SendAsync(sent, TestContext.Current.CancellationToken);
        byte[] received = await ReceiveAsync(socket, sent.Length);
        Assert.Equal(1, _proxy.Corrupted);
        Assert.Equal(10, Assert.Single(Enumerable.Range(0, 64), i => received[i] != 0));
        await socket.SendAsync(sent, TestContext.Current.CancellationToken);
        Assert.Equal(sent, await ReceiveAsync(socket, sent.Length));
    }

    [Fact]
    public async Task Delays_and_speeds_are_what_was_asked_for()
    {
        using var socket = await ConnectAsync();
        await EchoesAsync(socket);
        _proxy.Delay = TimeSpan.FromMilliseconds(150);
        var clock = Stopwatch.StartNew();
        await EchoesAsync(socket);
        Assert.InRange(clock.ElapsedMilliseconds, 290, 10_000); // there and back
        _proxy.Heal();
        _proxy.BytesPerSecond = 100_000;
        clock.Restart();
        await socket.SendAsync(new byte[50_000], TestContext.Current.CancellationToken);
        await ReceiveAsync(socket, 50_000);
        Assert.InRange(clock.ElapsedMilliseconds, 450, 10_000);
    }

    [Fact]
    public async Task A_frozen_line_keeps_its_connection_and_its_data()
    {
        using var socket = await ConnectAsync();
        _proxy.IsFrozen = true;
        var echo = EchoesAsync(socket);
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.False(echo.IsCompleted);
        _proxy.Heal();
        await echo;
    }

    public async ValueTask DisposeAsync()
    {
        _echo.Dispose();
        await _proxy.DisposeAsync();
    }

    private static async Task EchoesAsync(Socket socket)
    {
        byte[] sent = [1, 2, 3];
        await socket.SendAsync(sent);
        Assert.Equal(sent, await ReceiveAsync(socket, sent.Length));
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        byte[] data = new byte[count];
        for (int done = 0; done < count;)
        {
            int received = await socket.ReceiveAsync(data.AsMemory(done), limit.Token);
            if (received == 0) { throw new SocketException((int)SocketError.ConnectionReset); }
            done += received;
        }

        return data;
    }

    private async Task<Socket> ConnectAsync()
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(IPAddress.Loopback, _proxy.Port);
        return socket;
    }

    private async Task EchoAsync()
    {
        try
        {
            while (true) { _ = AnswerAsync(await _echo.AcceptSocketAsync()); }
        }
        catch (Exception end) when (end is SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private static async Task AnswerAsync(Socket socket)
    {
        using var _ = socket;
        byte[] buffer = new byte[4096];
        try
        {
            int count;
            while ((count = await socket.ReceiveAsync(buffer)) > 0)
            {
                for (int done = 0; done < count;) { done += await socket.SendAsync(buffer.AsMemory(done, count - done)); }
            }
        }
        catch (SocketException)
        {
            // Torn, as some tests want it.
        }
    }
}
