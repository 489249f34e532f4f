using Ctwa.Grains.Channel;

namespace Ctwa.Bench.Channel;

/// <summary>The ways that a tensor can take, and how each end is set up for them.</summary>
internal static class ChannelWays
{
    public const string Raw = "raw socket", Socket = "channel", Shared = "channel, /dev/shm", Tls = "channel, TLS";

    /// <summary>Not a way: as many threads that only copy memory, to tell a busy machine from a line that is in the way.</summary>
    public const string Copies = "threads that copy memory, no network";

    public static readonly string[] OfChannel = [Socket, Shared, Tls];

    public static TensorChannelOptions Options(string way, string secret, TensorChannelTls tls) => new()
    {
        Secret = secret,
        SharedMemory = way == Shared,
        Tls = way == Tls ? tls : null,
    };
}
