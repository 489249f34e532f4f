using System.Diagnostics;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>What a serving channel does with those that do not belong to the grid, or behave badly.</summary>
public sealed class HostilePeerTests
{
    private static readonly TimeSpan s_soon = TimeSpan.FromSeconds(15);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("another secret")]
    [InlineData(null)]
    public async Task A_wrong_secret_is_refused_logged_once_and_never_written(string? secret)
    {
        await using var pair = await ChannelPair.StartAsync(Token, client: ChannelPair.Plain with { Secret = secret });
        using var destination = new UnmanagedTensor(10);
        for (int i = 0; i < 5; i++)
        {
            var refused = await Assert.ThrowsAsync<TensorRefusedException>(() => pair.PullAsync(1, destination, Token));
            Assert.Equal(TensorRefusal.Unauthenticated, refused.Reason);
            Assert.Contains("secret", refused.Message);
        }

        Assert.Contains("127.0.0.1", Assert.Single(pair.ServerLog.Warnings));
        Assert.DoesNotContain(pair.ServerLog.Lines.Concat(pair.ClientLog.Lines), line => line.Text.Contains("battery staple") || line.Text.Contains("another secret"));
        Assert.Equal(0, pair.Tensors.Opened);
    }

    [Fact]
    public async Task A_server_that_does_not_know_the_secret_gets_no_pull()
    {
        // It says yes to every proof, and cannot prove anything itself.
        await using var pair = await ChannelPair.StartAsync(Token);
        using var proxy = new ByteProxy(pair.Server.Endpoint, passing =>
        {
            if (passing is { ToClient: true, Position: >= ChannelHandshake.HelloBytes and < ChannelHandshake.HelloBytes + ChannelHandshake.AnswerBytes }) { passing.Bytes.Span[40] ^= 1; }
            return Task.FromResult(true);
        });
        using var destination = new UnmanagedTensor(10);
        Assert.Equal(TensorRefusal.Unauthenticated, (await Assert.ThrowsAsync<TensorRefusedException>(() => pair.PullAsync(1, destination, Token, by: proxy.Endpoint))).Reason);
    }

    [Fact]
    public async Task A_recorded_conversation_is_of_no_use_later()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var tensor = UnmanagedTensor.Filled(5000, 3);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        var recorded = new List<byte>();
        using (var proxy = new ByteProxy(pair.Server.Endpoint, passing =>
        {
            if (!passing.ToClient) { recorded.AddRange(passing.Bytes.Span); }
            return Task.FromResult(true);
        }))
        {
            await pair.PullAsync(1, destination, Token, by: proxy.Endpoint);
        }

        using var replay = new RawClient(pair.Server.Endpoint);
        replay.Send([.. recorded]);
        Assert.True(replay.IsClosedWithin(s_soon));
        Assert.Equal(1, pair.Tensors.Opened);
    }

    [Fact]
    public async Task Other_protocols_and_versions_are_turned_away()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var browser = new RawClient(pair.Server.Endpoint);
        browser.Send("GET / HTTP/1.1\r\nHost: silo\r\nUser-Agent: something that is long enough\r\n\r\n"u8);
        Assert.True(browser.IsClosedWithin(s_soon));

        byte[] hello = new byte[ChannelHandshake.HelloBytes];
        ChannelHandshake.WriteHello(hello, 0, HandshakeStatus.Accepted, new byte[32]);
        hello[4] = 99;
        using var future = new RawClient(pair.Server.Endpoint);
        future.Send(hello);
        byte[] answer = new byte[ChannelHandshake.HelloBytes];
        future.Wire.Receive(answer, s_soon);
        Assert.Equal(HandshakeStatus.OtherVersion, ChannelHandshake.Status(answer));
        Assert.True(future.IsClosedWithin(s_soon));
    }

    [Fact]
    public async Task A_handshake_that_trickles_ends_at_its_deadline()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { HandshakeDeadline = TimeSpan.FromMilliseconds(500) });
        using var slow = new RawClient(pair.Server.Endpoint);
        byte[] hello = new byte[ChannelHandshake.HelloBytes];
        ChannelHandshake.WriteHello(hello, 0, HandshakeStatus.Accepted, new byte[32]);
        long start = Stopwatch.GetTimestamp();
        bool closed = false;
        for (int i = 0; i < hello.Length && !closed; i++)
        {
            try { slow.Send(hello.AsSpan(i, 1)); }
            catch (System.Net.Sockets.SocketException) { break; }
            closed = slow.IsClosedWithin(TimeSpan.FromMilliseconds(250));
        }

        Assert.True(closed || slow.IsClosedWithin(s_soon));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.3, 10);
    }

    [Fact]
    public async Task A_request_that_trickles_ends_at_the_deadline()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { Deadline = TimeSpan.FromMilliseconds(500) });
        using var slow = new RawClient(pair.Server.Endpoint);
        using var session = slow.Prove(ChannelPair.Plain);
        slow.Send(new byte[20]);
        long start = Stopwatch.GetTimestamp();
        Assert.True(slow.IsClosedWithin(s_soon));
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0.2, 10);
    }

    [Fact]
    public async Task A_crowd_that_proves_nothing_does_not_keep_members_out()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { MaxHandshakes = 4, HandshakeDeadline = TimeSpan.FromSeconds(30) });
        using var tensor = UnmanagedTensor.Filled(5000, 3);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        var crowd = Enumerable.Range(0, 40).Select(_ => new RawClient(pair.Server.Endpoint)).ToArray();
        await pair.PullAsync(1, destination, Token);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
        Assert.True(crowd[0].IsClosedWithin(s_soon));
        foreach (var one in crowd) { one.Dispose(); }
    }

    [Fact]
    public async Task More_members_than_are_served_wait_for_a_place()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { MaxConnectionsServed = 1 });
        using var tensor = UnmanagedTensor.Filled(5000, 3);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        var first = new TensorChannel(ChannelPair.Plain, pair.Tensors, NullLogger<TensorChannel>.Instance);
        await first.PullAsync(pair.Server.Endpoint, new TensorRequest(TestTensors.Id(1), 1, 0, tensor.Length), destination.Address, Token);
        destination.Bytes.Clear();
        var second = pair.PullAsync(1, destination, Token);
        await Task.Delay(200, Token);
        Assert.False(second.IsCompleted);
        await first.DisposeAsync();
        await second.WaitAsync(s_soon, Token);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
    }

    [Fact]
    public async Task A_place_that_does_not_come_free_is_an_error_in_bounded_time()
    {
        var options = ChannelPair.Plain with { MaxConnectionsServed = 1, Deadline = TimeSpan.FromMilliseconds(500) };
        await using var pair = await ChannelPair.StartAsync(Token, options);
        using var member = new RawClient(pair.Server.Endpoint);
        using var session = member.Prove(options);
        using var destination = new UnmanagedTensor(10);
        Assert.Contains("MaxConnectionsServed", (await Assert.ThrowsAnyAsync<IOException>(() => pair.PullAsync(1, destination, Token).WaitAsync(s_soon, Token))).Message);
    }

    [Fact]
    public async Task Old_epochs_and_ranges_that_are_none_are_refused_by_name_logged_once_and_cost_no_connection()
    {
        // Large pulls have connections of their own; here all are small.
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { BulkBytes = long.MaxValue });
        using var tensor = UnmanagedTensor.Filled(5000, 3);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        pair.Tensors.Epoch = 5;
        int connections = 0;
        using var proxy = new ByteProxy(pair.Server.Endpoint, passing =>
        {
            connections = Math.Max(connections, passing.Connection);
            return Task.FromResult(true);
        });
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(TensorRefusal.StaleEpoch, await Reason(1, epoch: 4, 0, 10));
            Assert.Equal(TensorRefusal.OutOfRange, await Reason(1, epoch: 5, 1, 5000));
            Assert.Equal(TensorRefusal.OutOfRange, await Reason(1, epoch: 5, long.MaxValue, long.MaxValue - 1));
            Assert.Equal(TensorRefusal.OutOfRange, await Reason(1, epoch: 5, 0, 1L << 50));
            Assert.Equal(TensorRefusal.Unknown, await Reason(2, epoch: 5, 0, 10));
        }

        await pair.PullAsync(1, destination, Token, epoch: 5, by: proxy.Endpoint);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
        Assert.Equal(1, connections);
        Assert.Equal(3, pair.ServerLog.Warnings.Count());
        Assert.Single(pair.ServerLog.Warnings, line => line.Contains("StaleEpoch") && line.Contains("epoch 4"));

        async Task<TensorRefusal> Reason(int step, long epoch, long offset, long length) =>
            (await Assert.ThrowsAsync<TensorRefusedException>(() => pair.Client.PullAsync(proxy.Endpoint, new TensorRequest(TestTensors.Id(step), epoch, offset, length), destination.Address, Token))).Reason;
    }

    [Fact]
    public async Task A_request_with_a_wrong_tag_ends_the_connection_and_is_logged_once()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        for (int i = 0; i < 3; i++)
        {
            using var member = new RawClient(pair.Server.Endpoint);
            using var session = member.Prove(ChannelPair.Plain);
            byte[] request = new byte[RequestFrame.Bytes + ChannelSession.TagBytes];
            RequestFrame.Write(new TensorRequest(TestTensors.Id(1), 1, 0, 10), request);
            member.Send(request);
            Assert.True(member.IsClosedWithin(s_soon));
        }

        Assert.Contains("tag is wrong", Assert.Single(pair.ServerLog.Warnings));
        Assert.Equal(0, pair.Tensors.Opened);
    }

    [Fact]
    public async Task A_source_that_fails_is_an_error_there_and_here_and_the_connection_stays()
    {
        await using var pair = await ChannelPair.StartAsync(Token);
        using var tensor = UnmanagedTensor.Filled(10, 3);
        using var destination = new UnmanagedTensor(10);
        pair.Tensors.Offer(1, tensor);
        pair.Tensors.OnOpen = () => throw new InvalidOperationException("broken source");
        Assert.Contains("InvalidOperationException", (await Assert.ThrowsAsync<IOException>(() => pair.PullAsync(1, destination, Token))).Message);
        Assert.Contains("broken source", Assert.Single(pair.ServerLog.Warnings));
        pair.Tensors.OnOpen = null;
        await pair.PullAsync(1, destination, Token);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_client_that_vanishes_or_stops_reading_releases_its_lease(bool vanishes)
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { Deadline = TimeSpan.FromSeconds(1) });
        using var tensor = UnmanagedTensor.Filled(64 << 20, 3);
        pair.Tensors.Offer(1, tensor);
        using var member = new RawClient(pair.Server.Endpoint);
        using var session = member.Prove(ChannelPair.Plain);
        session.Send(new TensorRequest(TestTensors.Id(1), 1, 0, tensor.Length), s_soon);
        _ = session.Receive(s_soon);
        Assert.Equal(1, pair.Tensors.Held);
        if (vanishes) { member.Dispose(); }
        await Eventually.IsAsync(() => pair.Tensors.Held == 0, "the lease is released", Token);
    }

    [Fact]
    public async Task Tls_wants_certificates_of_the_own_authority_from_both_ends()
    {
        using TestCertificates ours = new(), theirs = new();
        var options = ChannelPair.Plain with { Tls = ours.Silo() };
        using var tensor = UnmanagedTensor.Filled(10, 3);
        using var destination = new UnmanagedTensor(10);
        foreach (var client in (TensorChannelOptions[])[options with { Tls = theirs.Silo() }, options with { Tls = new TensorChannelTls(theirs.Silo().Certificate, ours.Silo().Authority) }, options with { Tls = null }])
        {
            await using var pair = await ChannelPair.StartAsync(Token, options, client);
            pair.Tensors.Offer(1, tensor);
            var failure = await Assert.ThrowsAnyAsync<Exception>(() => pair.PullAsync(1, destination, Token).WaitAsync(s_soon, Token));
            Assert.True(failure is IOException or TensorRefusedException { Reason: TensorRefusal.Unauthenticated }, failure.ToString());
            Assert.Equal(0, pair.Tensors.Opened);
        }
    }
}
