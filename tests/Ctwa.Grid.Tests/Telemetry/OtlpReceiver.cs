using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>A span as it arrived.</summary>
/// <param name="Silo"><c>service.instance.id</c> of who sent it.</param>
/// <param name="Attributes">Those that are texts.</param>
internal sealed record ReceivedSpan(string Silo, string Scope, string Name, string Trace, string Id, string Parent, IReadOnlyDictionary<string, string> Attributes);

/// <summary>A log record as it arrived.</summary>
internal sealed record ReceivedLog(string Silo, string Text, string Trace, string Span);

/// <summary>A collector on loopback: OTLP by protobuf over HTTP, decoded as far as the tests look.</summary>
internal sealed class OtlpReceiver : IAsyncDisposable
{
    private readonly WebApplication _server;

    private OtlpReceiver(WebApplication server) => _server = server;

    public Uri Endpoint => new(_server.Urls.First());

    public ConcurrentQueue<ReceivedSpan> Spans { get; } = new();

    public ConcurrentQueue<ReceivedLog> Logs { get; } = new();

    /// <summary>Names of metrics with their units.</summary>
    public ConcurrentDictionary<string, string> Metrics { get; } = new();

    public static async Task<OtlpReceiver> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var receiver = new OtlpReceiver(builder.Build());
        receiver._server.MapPost("/v1/{signal}", async (string signal, HttpRequest request) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body);
            receiver.Take(signal, body.ToArray());
            return Results.Bytes([], "application/x-protobuf");
        });
        await receiver._server.StartAsync();
        return receiver;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    // Field numbers: opentelemetry/proto/{collector,resource,common,trace,logs,metrics}/v1.
    private void Take(string signal, byte[] message)
    {
        foreach (byte[] resource in new ProtobufReader(message).Bytes(1))
        {
            string silo = Attributes(new ProtobufReader(resource).Bytes(1).SelectMany(one => new ProtobufReader(one).Bytes(1))).GetValueOrDefault("service.instance.id", "");
            foreach (byte[] scope in new ProtobufReader(resource).Bytes(2))
            {
                string name = new ProtobufReader(scope).Bytes(1) is [var head, ..] ? new ProtobufReader(head).Text(1) : "";
                foreach (byte[] item in new ProtobufReader(scope).Bytes(2)) { TakeItem(signal, silo, name, item); }
            }
        }
    }

    private void TakeItem(string signal, string silo, string scope, byte[] item)
    {
        var reader = new ProtobufReader(item);
        switch (signal)
        {
            case "traces": Spans.Enqueue(new(silo, scope, reader.Text(5), reader.Hex(1), reader.Hex(2), reader.Hex(4), Attributes(reader.Bytes(9)))); break;
            case "logs": Logs.Enqueue(new(silo, reader.Bytes(5) is [var body, ..] ? new ProtobufReader(body).Text(1) : "", reader.Hex(9), reader.Hex(10))); break;
            case "metrics": Metrics[reader.Text(1)] = reader.Text(3); break;
        }
    }

    private static Dictionary<string, string> Attributes(IEnumerable<byte[]> pairs)
    {
        var found = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (byte[] pair in pairs)
        {
            if (new ProtobufReader(pair).Bytes(2) is [var value, ..]) { found[new ProtobufReader(pair).Text(1)] = new ProtobufReader(value).Text(1); }
        }

        return found;
    }
}
