using System.Net;
using Ctwa.Silo.Hosting.Health;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>
/// The silo's one HTTP server. Probes are answered before Orleans starts and until after it has stopped; everything else
/// (<see cref="SiloEndpoints"/>) while a silo is attached, with that silo's services.
/// </summary>
internal sealed class WebServer : IAsyncDisposable
{
    private const int LargestRequestBytes = 4096;

    // Browsers and scrapers keep connections; probes, which open their own, must always get one.
    private const int MostConnections = 1024;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly WebApplication _server;
    private readonly AttachedSilo _silo;

    private WebServer(WebApplication server, AttachedSilo silo) => (_server, _silo) = (server, silo);

    /// <summary>The port that it listens on.</summary>
    public int Port => new Uri(_server.Urls.First()).Port;

    /// <summary>Starts to answer probes.</summary>
    /// <param name="port">0: any free one.</param>
    /// <exception cref="SiloFailure">The port is taken.</exception>
    public static async Task<WebServer> StartAsync(IPAddress address, int port, HealthProbe probe, CancellationToken cancellationToken)
    {
        // Empty: no configuration of whatever folder or environment this is may add ports or logs.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.Add(ServiceDescriptor.Singleton<IHostLifetime, ParentLink.Lifetime>());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = LargestRequestBytes;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
            kestrel.Limits.MaxConcurrentConnections = MostConnections;
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromSeconds(30);
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
            kestrel.Listen(address, port);
        });
        var server = builder.Build();
        var silo = new AttachedSilo();
        server.Run(context => AnswerAsync(context, probe, silo));
        try
        {
            await server.StartAsync(cancellationToken);
            return new WebServer(server, silo);
        }
        catch (IOException taken)
        {
            await server.DisposeAsync();
            throw new SiloFailure(SiloExitCodes.PortTaken, $"--health-port {port} on {address} cannot be used: {taken.Message}", taken);
        }
    }

    /// <summary>Serves this silo from now on; one that was attached before has failed to start.</summary>
    /// <param name="services">Those of the silo's host.</param>
    public void Attach(IServiceProvider services) => _silo.Attach(services);

    public async ValueTask DisposeAsync()
    {
        using var patience = new CancellationTokenSource(s_patience);
        try { await _server.StopAsync(patience.Token); }
        catch (OperationCanceledException) { /* A client that reads slowly; the process ends next. */ }
        await _server.DisposeAsync();
    }

    private static Task AnswerAsync(HttpContext context, HealthProbe probe, AttachedSilo silo)
    {
        SecurityHeaders.Set(context.Response.Headers);
        // Nothing that is served here changes anything.
        if (!HttpMethods.IsGet(context.Request.Method) && !HttpMethods.IsHead(context.Request.Method))
        {
            context.Response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            context.Response.Headers.Allow = "GET, HEAD";
            return Task.CompletedTask;
        }

        return HealthEndpoints.TryAnswer(context, probe) ?? silo.AnswerAsync(context);
    }
}
