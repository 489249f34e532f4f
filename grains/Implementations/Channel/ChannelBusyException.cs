namespace Ctwa.Grains.Channel;

/// <summary>A peer serves as many connections as it may. An <see cref="IOException"/> to callers; the channel itself tries again for a while.</summary>
internal sealed class ChannelBusyException : IOException
{
    public ChannelBusyException() { }
    public ChannelBusyException(string message) : base(message) { }
    public ChannelBusyException(string message, Exception inner) : base(message, inner) { }
}
