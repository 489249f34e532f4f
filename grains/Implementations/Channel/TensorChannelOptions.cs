using System.Security.Cryptography.X509Certificates;

namespace Ctwa.Grains.Channel;

/// <summary>How a silo serves tensors and pulls them from others.</summary>
public sealed record TensorChannelOptions
{
    /// <summary>Address to listen on: an IP address, or <c>localhost</c>.</summary>
    public string ListenHost { get; init; } = "127.0.0.1";

    /// <summary>Address or name under which other silos reach this one; null: the one that it listens on.</summary>
    public string? AdvertisedHost { get; init; }

    /// <summary>Port to listen on; 0: any free one.</summary>
    public int Port { get; init; }

    /// <summary>The grid's secret, which both ends of a connection prove to know; null only while everything stays on loopback.</summary>
    public string? Secret { get; init; }

    /// <summary>Certificates for mutual TLS; null: plain connections. Every silo of a grid must decide alike.</summary>
    public TensorChannelTls? Tls { get; init; }

    /// <summary>Whether ends on one host hand bytes over in <c>/dev/shm</c>. Without effect under <see cref="Tls"/>: what is encrypted stays so.</summary>
    public bool SharedMemory { get; init; } = true;

    /// <summary>
    /// How long connecting, or a frame or chunk, may take. A peer that is slower has failed. Waiting in the queue of a peer ends when
    /// nothing arrived from it for this long.
    /// </summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a connection may take to prove that it belongs to the grid.</summary>
    public TimeSpan HandshakeDeadline { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>A connection without requests is closed after this time; the next request opens another.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Requests that run at a time per peer, each on a connection of its own; more wait. Large and small ones count apart.</summary>
    public int RequestsInFlight { get; init; } = 4;

    /// <summary>From this length on a pull is large: it lets small ones and grain calls go first where processors are short.</summary>
    public long BulkBytes { get; init; } = 4 << 20;

    /// <summary>Requests that may wait per peer; more fail at once.</summary>
    public int RequestsWaiting { get; init; } = 4096;

    /// <summary>Connections of proven peers served at a time; more are told to come again.</summary>
    public int MaxConnectionsServed { get; init; } = 256;

    /// <summary>Connections that have not yet proven anything, served at a time; when there are more, the oldest gives way.</summary>
    public int MaxHandshakes { get; init; } = 32;

    /// <summary>
    /// Bytes of a range that are sent and checked as one piece, so that both ends work while bytes move: few enough that they are still in
    /// a processor's cache when they are read the second time, many enough that waking the other end counts for little.
    /// </summary>
    public int ChunkBytes { get; init; } = 384 << 10;

    /// <summary>Pieces in a connection's shared memory: one is filled while another is read.</summary>
    public int SharedSlots { get; init; } = 4;

    /// <summary>Bytes of each.</summary>
    public int SharedSlotBytes { get; init; } = 512 << 10;

    /// <summary>Where shared memory is; tests use another folder to have ends that do not see each other's.</summary>
    internal string SharedFolder { get; init; } = SharedRing.Folder;

    /// <summary>The address that others are told.</summary>
    internal string Advertised => AdvertisedHost ?? ListenHost;

    /// <exception cref="ArgumentException">A value is not possible; the message says which and what is.</exception>
    internal void Check()
    {
        Require(!string.IsNullOrWhiteSpace(ListenHost), nameof(ListenHost), ListenHost, "an IP address or localhost");
        Require(AdvertisedHost is null || !string.IsNullOrWhiteSpace(AdvertisedHost), nameof(AdvertisedHost), AdvertisedHost, "an address or name that other silos reach, or nothing");
        Require(AdvertisedHost is not null || !Loopback.IsAny(ListenHost), nameof(ListenHost), ListenHost, "an address that others can reach, or an AdvertisedHost beside it");
        Require(Port is >= 0 and <= 65535, nameof(Port), Port, "0 (any free port) to 65535");
        Require(Secret is null || !string.IsNullOrWhiteSpace(Secret), nameof(Secret), "an empty text", "the grid's secret, or nothing on loopback");
        Require(Secret is not null || (Loopback.Is(ListenHost) && Loopback.Is(Advertised)), nameof(Secret), "nothing", $"the grid's secret, because {ListenHost} and {Advertised} are not both loopback");
        Require(Deadline > TimeSpan.Zero && Deadline <= TimeSpan.FromHours(1), nameof(Deadline), Deadline, "more than 0 and at most an hour");
        Require(HandshakeDeadline > TimeSpan.Zero && HandshakeDeadline <= TimeSpan.FromHours(1), nameof(HandshakeDeadline), HandshakeDeadline, "more than 0 and at most an hour");
        Require(IdleTimeout > TimeSpan.Zero && IdleTimeout <= TimeSpan.FromDays(1), nameof(IdleTimeout), IdleTimeout, "more than 0 and at most a day");
        Require(RequestsInFlight is >= 1 and <= 64, nameof(RequestsInFlight), RequestsInFlight, "1 to 64");
        Require(BulkBytes >= 1, nameof(BulkBytes), BulkBytes, "1 and more");
        Require(RequestsWaiting is >= 1 and <= 1 << 20, nameof(RequestsWaiting), RequestsWaiting, "1 to 1,048,576");
        Require(MaxConnectionsServed is >= 1 and <= 4096, nameof(MaxConnectionsServed), MaxConnectionsServed, "1 to 4096");
        Require(MaxHandshakes is >= 1 and <= 1024, nameof(MaxHandshakes), MaxHandshakes, "1 to 1024");
        Require(ChunkBytes is >= 4096 and <= 64 << 20 && ChunkBytes % 4096 == 0, nameof(ChunkBytes), ChunkBytes, "multiples of 4096 up to 64 MiB");
        Require(SharedSlotBytes is >= 4096 and <= 64 << 20 && SharedSlotBytes % 4096 == 0, nameof(SharedSlotBytes), SharedSlotBytes, "multiples of 4096 up to 64 MiB");
        Require(SharedSlots is >= 2 and <= 16, nameof(SharedSlots), SharedSlots, "2 to 16");
    }

    private static void Require(bool holds, string name, object? value, string accepted)
    {
        if (!holds) { throw new ArgumentException($"The tensor channel's {name} is {value ?? "nothing"}; accepted: {accepted}."); }
    }
}

/// <summary>What mutual TLS needs: who this silo is and whom it believes.</summary>
/// <param name="Certificate">This silo's certificate with its private key, for both server and client authentication.</param>
/// <param name="Authority">The grid's own authority; every peer must show a certificate that it issued. Names are not compared.</param>
public sealed record TensorChannelTls(X509Certificate2 Certificate, X509Certificate2 Authority);
