using System.Collections.Concurrent;
using System.Diagnostics;
using Ctwa.Grains.Channel;
using Ctwa.Training.Telemetry;
using Xunit;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>The trace context in requests.</summary>
[Collection("allocations")]
public sealed class ChannelTraceTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_serving_end_hangs_its_span_below_the_pulling_ends(bool shared)
    {
        var spans = new ConcurrentQueue<Activity>();
        using var listener = Listen(spans);
        await using var pair = await ChannelPair.StartAsync(Token, ChannelPair.Plain with { SharedMemory = shared });
        using var tensor = UnmanagedTensor.Filled(100_000, 3);
        using var destination = new UnmanagedTensor(tensor.Length);
        pair.Tensors.Offer(1, tensor);
        Activity.Current = null;
        Activity pulled;
        using (pulled = ChannelTrace.Pull(pair.Server.Endpoint, new TensorRequest(TestTensors.Id(1), 1, 0, tensor.Length))!) { await pair.PullAsync(1, destination, Token); }
        await pair.PullAsync(1, destination, Token); // Outside of any span.
        await pair.DisposeAsync();
        var served = Assert.Single(spans, span => span.OperationName == "tensor serve");
        Assert.Equal((pulled.TraceId, pulled.SpanId, ActivityKind.Server), (served.TraceId, served.ParentSpanId, served.Kind));
        Assert.Equal(100_000L, served.GetTagItem("ctwa.tensor.bytes"));
        Assert.Equal("Gradient", served.GetTagItem("ctwa.tensor"));
    }

    [Fact]
    public void A_request_carries_the_context_bit_for_bit_and_zeros_are_none()
    {
        using var span = new Activity("x").SetIdFormat(ActivityIdFormat.W3C);
        span.ActivityTraceFlags = ActivityTraceFlags.Recorded;
        span.Start();
        var request = new TensorRequest(TestTensors.Id(4), 5, 6, 7) { Trace = ChannelTrace.Current() };
        byte[] frame = new byte[RequestFrame.Bytes];
        Array.Fill(frame, (byte)0xEE);
        RequestFrame.Write(request, frame);
        Assert.Equal(request, RequestFrame.Read(frame));
        Assert.Equal(span.TraceId.ToHexString() + span.SpanId.ToHexString(), Convert.ToHexStringLower(frame.AsSpan(96, 24)));
        Assert.All(frame[120..], one => Assert.Equal(0, one));
        span.Stop();
        Assert.True(ChannelTrace.Current().IsNone);
        Assert.True(ChannelTrace.Read(new byte[24]).IsNone);
    }

    [Fact]
    public void A_span_that_is_not_recorded_is_not_carried()
    {
        using var span = new Activity("x").SetIdFormat(ActivityIdFormat.W3C).Start();
        Assert.True(ChannelTrace.Current().IsNone);
    }

    private static ActivityListener Listen(ConcurrentQueue<Activity> spans)
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == TelemetryNames.Channel,
            Sample = (ref _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = spans.Enqueue,
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
