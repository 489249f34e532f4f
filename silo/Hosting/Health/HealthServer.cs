using System.Net;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;

namespace Ctwa.Silo.Hosting.Health;

/// <summary>Serves <c>/healthz</c> and <c>/readyz</c>: before Orleans starts, and until after it has stopped.</summary>
internal sealed class HealthServer : IAsyncDisposable
{
    private const int LargestRequestBytes = 4096;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly WebApplication _server;

    private HealthServer(WebApplication server) => _server = server;

    /// <summary>The port that it listens on.</summary>
    public int Port => new Uri(_server.Urls.First()).Port;

    /// <summary>Starts to answer.</summary>
    /// <param name="port">0: any free one.</param>
    /// <exception cref="SiloFailure">The port is taken.</exception>
    public static async Task<HealthServer> StartAsync(IPAddress address, int port, HealthProbe probe, CancellationToken cancellationToken)
    {
        // Empty: no configuration of whatever folder or environment this is may add ports or logs.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Add(Microsoft.Extensions.DependencyInjection.ServiceDescriptor.Singleton<IHostLifetime, ParentLink.Lifetime>());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestRequestBytes;
            kestrel.Limits.MaxConcurrentConnections = 64;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(30);
            kestrel.Listen(address, port);
        });
        var server = builder.Build();
        server.Run(context => AnswerAsync(context, probe));
        try
        {
            await server.StartAsync(cancellationToken);
            return new HealthServer(server);
        }
        catch (IOException taken)
        {
            await server.DisposeAsync();
            throw new SiloFailure(SiloExitCodes.PortTaken, $"--health-port {port} on {address} cannot be used: {taken.Message}", taken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        try { await _server.StopAsync(patience.Token); }
        catch (OperationCanceledException) { /* A client that reads slowly; the process ends next. */ }
        await _server.DisposeAsync();
    }

    private static async Task AnswerAsync(HttpContext context, HealthProbe probe)
    {
        HealthReport? report = context.Request.Path.Value switch
        {
            "/healthz" => probe.Live(),
            "/readyz" => probe.Ready(),
            _ => null,
        };
        if (report is null || !(HttpMethods.IsGet(context.Request.Method) || HttpMethods.IsHead(context.Request.Method)))
        {
            context.Response.StatusCode = report is null ? StatusCodes.Status404NotFound : StatusCodes.Status405MethodNotAllowed;
            return;
        }

        context.Response.StatusCode = report.IsGood ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        context.Response.Headers.CacheControl = "no-store";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(report), context.RequestAborted);
    }
}
