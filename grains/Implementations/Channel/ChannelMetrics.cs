using System.Diagnostics;
using System.Diagnostics.Metrics;
using Ctwa.Training.Telemetry;

namespace Ctwa.Grains.Channel;

/// <summary>Instruments of the meter <c>Ctwa.Channel</c>, by every silo of its own ends. Without a listener they cost nothing and allocate nothing.</summary>
internal static class ChannelMetrics
{
    private static readonly Meter s_meter = new(TelemetryNames.Channel);

    public static readonly Counter<long> Sent = s_meter.CreateCounter<long>("ctwa.channel.sent", "By", "Bytes of tensors sent.");
    public static readonly Counter<long> Received = s_meter.CreateCounter<long>("ctwa.channel.received", "By", "Bytes of tensors received and found right.");
    public static readonly Counter<long> Corrupt = s_meter.CreateCounter<long>("ctwa.channel.corrupt", "{piece}", "Pieces or frames that arrived changed.");
    public static readonly Counter<long> Reconnects = s_meter.CreateCounter<long>("ctwa.channel.reconnects", "{connection}", "Connections opened again because a pooled one had broken.");
    public static readonly Counter<long> SharedFallbacks = s_meter.CreateCounter<long>("ctwa.channel.shared_fallbacks", "{connection}", "Connections on one host that do without shared memory because it could not be made or seen.");
    public static readonly UpDownCounter<long> Served = s_meter.CreateUpDownCounter<long>("ctwa.channel.connections", "{connection}", "Connections being served.");
    private static readonly Counter<long> s_refusals = s_meter.CreateCounter<long>("ctwa.channel.refusals", "{request}", "Requests and connections refused, by reason and side.");
    private static readonly Counter<long> s_broken = s_meter.CreateCounter<long>("ctwa.channel.broken", "{connection}", "Connections that ended badly, by cause and side.");
    private static readonly Histogram<double> s_duration = s_meter.CreateHistogram("ctwa.channel.duration", "s", "Time of a transfer, by side and way.", advice: new InstrumentAdvice<double> { HistogramBucketBoundaries = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] });

    /// <summary>Counters begin at 0 when a silo begins to serve, so that collectors know them before the first fault.</summary>
    public static void Begin()
    {
        foreach (var counter in (Counter<long>[])[Sent, Received, Corrupt, Reconnects, SharedFallbacks]) { counter.Add(0); }
        Served.Add(0);
        foreach (bool server in (bool[])[true, false])
        {
            foreach (var reason in Enum.GetValues<TensorRefusal>()) { s_refusals.Add(0, new("reason", reason.ToString()), new("side", Side(server))); }
            s_broken.Add(0, new("cause", server ? "Broken" : nameof(IOException)), new("side", Side(server)));
        }
    }

    public static void Refused(string reason, bool server) => s_refusals.Add(1, new("reason", reason), new("side", Side(server)));

    public static void Broken(string cause, bool server) => s_broken.Add(1, new("cause", cause), new("side", Side(server)));

    public static void Transferred(long start, bool server, bool shared)
    {
        if (s_duration.Enabled) { s_duration.Record(Stopwatch.GetElapsedTime(start).TotalSeconds, new("side", Side(server)), new("way", shared ? "shared memory" : "socket")); }
    }

    private static string Side(bool server) => server ? "server" : "client";
}
