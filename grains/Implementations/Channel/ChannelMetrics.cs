using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Ctwa.Grains.Channel;

/// <summary>Instruments of the meter <c>Ctwa.Channel</c>. Without a listener they cost nothing and allocate nothing.</summary>
internal static class ChannelMetrics
{
    public const string MeterName = "Ctwa.Channel";

    private static readonly Meter s_meter = new(MeterName);

    public static readonly Counter<long> Sent = s_meter.CreateCounter<long>("ctwa.channel.sent", "By", "Bytes of tensors sent.");
    public static readonly Counter<long> Received = s_meter.CreateCounter<long>("ctwa.channel.received", "By", "Bytes of tensors received and found right.");
    public static readonly Counter<long> Corrupt = s_meter.CreateCounter<long>("ctwa.channel.corrupt", "{piece}", "Pieces or frames that arrived changed.");
    public static readonly Counter<long> Reconnects = s_meter.CreateCounter<long>("ctwa.channel.reconnects", "{connection}", "Connections opened again because a pooled one had broken.");
    public static readonly Counter<long> SharedFallbacks = s_meter.CreateCounter<long>("ctwa.channel.shared_fallbacks", "{connection}", "Connections on one host that do without shared memory because it could not be made or seen.");
    public static readonly UpDownCounter<long> Served = s_meter.CreateUpDownCounter<long>("ctwa.channel.connections", "{connection}", "Connections being served.");
    private static readonly Counter<long> s_refusals = s_meter.CreateCounter<long>("ctwa.channel.refusals", "{request}", "Requests and connections refused, by reason and side.");
    private static readonly Counter<long> s_broken = s_meter.CreateCounter<long>("ctwa.channel.broken", "{connection}", "Connections that ended badly, by cause and side.");
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram<double>("ctwa.channel.duration", "s", "Time of a transfer, by side and way.");

    public static void Refused(string reason, bool server) => s_refusals.Add(1, new("reason", reason), new("side", Side(server)));

    public static void Broken(string cause, bool server) => s_broken.Add(1, new("cause", cause), new("side", Side(server)));

    public static void Transferred(long start, bool server, bool shared)
    {
        if (s_duration.Enabled) { s_duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, new("side", Side(server)), new("way", shared ? "shared memory" : "socket")); }
    }

    private static string Side(bool server) => server ? "server" : "client";
}
