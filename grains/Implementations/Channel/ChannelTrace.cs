using System.Buffers.Binary;
using System.Diagnostics;
using Ctwa.Training.Telemetry;

namespace Ctwa.Grains.Channel;

/// <summary>
/// The span on whose behalf a tensor is pulled, as requests carry it: W3C trace id and span id, 24 bytes. None, all zero, where the step is not
/// traced; then neither end allocates anything.
/// </summary>
/// <param name="TraceHigh">First half of the trace id, as read big-endian.</param>
/// <param name="TraceLow">Second half.</param>
/// <param name="SpanId">Of the span.</param>
public readonly record struct ChannelTrace(ulong TraceHigh, ulong TraceLow, ulong SpanId)
{
    /// <summary>Bytes in a request.</summary>
    internal const int Bytes = 24;

    internal static readonly ActivitySource Source = new(TelemetryNames.Channel);

    /// <summary>There is none; ids of zeros are none either.</summary>
    public bool IsNone => SpanId == 0 || (TraceHigh | TraceLow) == 0;

    /// <summary>The present span, if its step is recorded.</summary>
    internal static ChannelTrace Current()
    {
        if (Activity.Current is not { Recorded: true, IdFormat: ActivityIdFormat.W3C } span) { return default; }
        Span<byte> bytes = stackalloc byte[Bytes];
        span.TraceId.CopyTo(bytes);
        span.SpanId.CopyTo(bytes[16..]);
        return Read(bytes);
    }

    internal void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteUInt64BigEndian(to, TraceHigh);
        BinaryPrimitives.WriteUInt64BigEndian(to[8..], TraceLow);
        BinaryPrimitives.WriteUInt64BigEndian(to[16..], SpanId);
    }

    internal static ChannelTrace Read(ReadOnlySpan<byte> from) =>
        new(BinaryPrimitives.ReadUInt64BigEndian(from), BinaryPrimitives.ReadUInt64BigEndian(from[8..]), BinaryPrimitives.ReadUInt64BigEndian(from[16..]));

    /// <summary>Begins the pulling end's span; null if nobody listens.</summary>
    internal static Activity? Pull(TensorEndpoint peer, in TensorRequest request)
    {
        if (!Source.HasListeners() || Source.StartActivity("tensor pull", ActivityKind.Client) is not { } span) { return null; }
        span.SetTag("server.address", peer.Host);
        span.SetTag("server.port", peer.Port);
        Describe(span, request);
        return span;
    }

    /// <summary>Begins the serving end's span below the pulling end's; null if the request names none or nobody listens.</summary>
    internal static Activity? Serve(in TensorRequest request)
    {
        if (request.Trace.IsNone || !Source.HasListeners()) { return null; }
        Span<byte> bytes = stackalloc byte[Bytes];
        request.Trace.Write(bytes);
        var parent = new ActivityContext(ActivityTraceId.CreateFromBytes(bytes[..16]), ActivitySpanId.CreateFromBytes(bytes[16..]), ActivityTraceFlags.Recorded, isRemote: true);
        if (Source.StartActivity("tensor serve", ActivityKind.Server, parent) is not { } span) { return null; }
        Describe(span, request);
        return span;
    }

    private static void Describe(Activity span, in TensorRequest request)
    {
        span.SetTag("ctwa.tensor", request.Id.Kind.ToString());
        span.SetTag("ctwa.tensor.bytes", request.Length);
    }
}
