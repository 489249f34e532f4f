using System.Diagnostics.Metrics;
using Ctwa.Grains.Channel;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

public sealed class TensorChannelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string, long, long> Ranges => new(
        from way in (string[])["socket", "shared", "tls"]
        from range in ((long, long)[])[(0, 1), (0, 64 << 10), (3, 1_000_003), (4096, 0), (17, 5_000_000)]
        select (way, range.Item1, range.Item2));

    [Theory]
    [MemberData(nameof(Ranges))]
    public async Task A_range_arrives_whole_and_right_and_its_lease_is_released(string way, long offset, long length)
    {
        using var certificates = way == "tls" ? new TestCertificates() : null;
        var options = ChannelPair.Plain with { SharedMemory = way == "shared", Tls = certificates?.Silo() };
        await using var pair = await ChannelPair.StartAsync(Token, options);
        using var tensor = UnmanagedTensor.Filled(offset + length + 100, 5);
        using var destination = new UnmanagedTensor(length + 64);
        pair.Tensors.Offer(1, tensor);
        for (int i = 0; i < 3; i++)
        {
            destination.Bytes.Fill(0xEE);
            await pair.Client.PullAsync(pair.Server.Endpoint, new TensorRequest(TestTensors.Id(1), 1, offset, length), destination.Address, Token);
            Assert.True(destination.Bytes[..(int)length].SequenceEqual(tensor.Bytes[(int)offset..(int)(offset + length)]));
            Assert.Equal(-1, destination.Bytes[(int)length..].IndexOfAnyExcept((byte)0xEE));
        }

        await Eventually.IsAsync(() => pair.Tensors.Held == 0, "the leases are released", Token);
        Assert.Equal(3, pair.Tensors.Opened);
        Assert.Empty(pair.ServerLog.Warnings);
        Assert.Empty(pair.ClientLog.Warnings);
    }

    [Fact]
    public async Task Ends_on_one_host_use_shared_memory_and_leave_no_file()
    {
        string[] before = Files();
        using var ways = new Ways();
        await using (var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { SharedMemory = true }))
        {
            using var tensor = UnmanagedTensor.Filled(3_000_000, 9);
            using var destination = new UnmanagedTensor(tensor.Length);
            pair.Tensors.Offer(1, tensor);
            await pair.PullAsync(1, destination, Token);
            Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
            Assert.Contains("shared memory", ways.Seen);
        }

        // Other tests may be between making a file and taking its name away, for milliseconds.
        await Eventually.IsAsync(() => !Files().Except(before).Any(), "no file of the channel remains in /dev/shm", Token);

        static string[] Files() => Directory.GetFiles("/dev/shm", "ctwa-channel-*");
    }

    [Fact]
    public async Task Ends_that_do_not_see_the_same_memory_fall_back_to_the_socket()
    {
        string elsewhere = Directory.CreateTempSubdirectory("ctwa-shm-").FullName;
        using var ways = new Ways();
        var options = ChannelPair.Plain with { SharedMemory = true };
        foreach (var (server, client) in new[] { (elsewhere, SharedRing.Folder), (SharedRing.Folder, elsewhere), ("/does/not/exist", SharedRing.Folder) })
        {
            long before = ways.Fallbacks;
            await using var pair = await ChannelPair.StartAsync(Token, options with { SharedFolder = server }, options with { SharedFolder = client });
            using var tensor = UnmanagedTensor.Filled(3_000_000, 9);
            using var destination = new UnmanagedTensor(tensor.Length);
            pair.Tensors.Offer(1, tensor);
            await pair.PullAsync(1, destination, Token);
            Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
            Assert.True(ways.Fallbacks > before);
        }

        Assert.Empty(Directory.GetFiles(elsewhere));
        Directory.Delete(elsewhere);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Many_silos_pull_at_once_and_each_gets_its_own_bytes(bool shared)
    {
        const int Silos = 8, Pulls = 40, Tensors = 6;
        var options = ChannelPair.Plain with { SharedMemory = shared, Deadline = TimeSpan.FromSeconds(60) };
        await using var pair = await ChannelPair.StartAsync(Token, options);
        var tensors = Enumerable.Range(0, Tensors).Select(i => UnmanagedTensor.Filled(100_000 + (30_011 * i), (ulong)i)).ToArray();
        for (int i = 0; i < Tensors; i++) { pair.Tensors.Offer(i, tensors[i]); }
        await Task.WhenAll(Enumerable.Range(0, Silos).Select(async silo =>
        {
            await using var client = new TensorChannel(options, pair.Tensors, NullLogger<TensorChannel>.Instance);
            await Task.WhenAll(Enumerable.Range(0, Pulls).Select(async pull =>
            {
                var tensor = tensors[(silo + pull) % Tensors];
                using var destination = new UnmanagedTensor(tensor.Length);
                await client.PullAsync(pair.Server.Endpoint, new TensorRequest(TestTensors.Id((silo + pull) % Tensors), 1, 0, tensor.Length), destination.Address, Token);
                Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
            }));
        }));
        await Eventually.IsAsync(() => pair.Tensors.Held == 0, "the leases are released", Token);
        Assert.Equal(Silos * Pulls, pair.Tensors.Opened);
        foreach (var tensor in tensors) { tensor.Dispose(); }
    }

    [Fact]
    public async Task A_peer_that_began_anew_on_its_port_is_connected_to_again()
    {
        using var tensor = UnmanagedTensor.Filled(100_000, 2);
        using var destination = new UnmanagedTensor(tensor.Length);
        await using var pair = await ChannelPair.StartAsync(Token);
        pair.Tensors.Offer(1, tensor);
        await pair.PullAsync(1, destination, Token);
        int port = pair.Server.Endpoint.Port;
        await pair.Server.DisposeAsync();
        destination.Bytes.Clear();
        await using var again = new TensorChannel(ChannelPair.Plain with { Port = port }, pair.Tensors, NullLogger<TensorChannel>.Instance);
        await again.StartAsync(Token);
        await pair.PullAsync(1, destination, Token, by: again.Endpoint);
        Assert.True(destination.Bytes.SequenceEqual(tensor.Bytes));
    }

    [Fact]
    public async Task An_idle_connection_is_closed_and_opened_again_when_it_is_needed()
    {
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { IdleTimeout = TimeSpan.FromMilliseconds(100) }, ChannelPair.Plain);
        using var tensor = UnmanagedTensor.Filled(1000, 2);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        for (int i = 0; i < 3; i++)
        {
            await pair.PullAsync(1, destination, Token);
            await Task.Delay(300, Token);
        }

        Assert.Equal(3, pair.Tensors.Opened);
    }

    [Fact]
    public void Options_that_are_not_possible_are_refused_with_what_is()
    {
        var tensors = new TestTensors();
        Assert.Contains("the grid's secret", Failure(new() { ListenHost = "10.0.0.1" }));
        Assert.Contains("AdvertisedHost", Failure(new() { ListenHost = "0.0.0.0", Secret = "x" }));
        Assert.Contains("65535", Failure(new() { Port = 70_000 }));
        Assert.Contains("1 to 64", Failure(new() { RequestsInFlight = 0 }));
        Assert.Contains("4096", Failure(new() { ChunkBytes = 1000 }));
        new TensorChannel(new() { ListenHost = "0.0.0.0", AdvertisedHost = "silo-1.example", Secret = "x" }, tensors, NullLogger<TensorChannel>.Instance).Dispose();

        string Failure(TensorChannelOptions options) => Assert.Throws<ArgumentException>(() => new TensorChannel(options, tensors, NullLogger<TensorChannel>.Instance)).Message;
    }

    /// <summary>What the meter says about ways and fallbacks.</summary>
    private sealed class Ways : IDisposable
    {
        private readonly MeterListener _listener = new();
        private long _fallbacks;

        public Ways()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "Ctwa.Channel") { listener.EnableMeasurementEvents(instrument); }
            };
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) =>
            {
                if (instrument.Name != "ctwa.channel.duration") { return; }
                foreach (var tag in tags)
                {
                    if (tag.Key == "way") { Seen.Enqueue((string)tag.Value!); }
                }
            });
            _listener.SetMeasurementEventCallback<long>((instrument, value, _, _) =>
            {
                if (instrument.Name == "ctwa.channel.shared_fallbacks") { Interlocked.Add(ref _fallbacks, value); }
            });
            _listener.Start();
        }

        public System.Collections.Concurrent.ConcurrentQueue<string> Seen { get; } = new();

        public long Fallbacks => Volatile.Read(ref _fallbacks);

        public void Dispose() => _listener.Dispose();
    }
}
