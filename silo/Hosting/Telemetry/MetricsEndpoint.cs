using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Ctwa.Silo.Hosting.Telemetry;

/// <summary>The endpoint that Prometheus asks.</summary>
internal static class MetricsEndpoint
{
    /// <summary>Path of the endpoint.</summary>
    public const string Path = "/metrics";

    /// <summary>Maps <c>/metrics</c>, if the silo was told to serve it (<c>--metrics</c>).</summary>
    public static void MapMetrics(this IEndpointRouteBuilder endpoints)
    {
        if (endpoints.ServiceProvider.GetService<SiloTelemetry>()?.Scraped is { } provider) { endpoints.MapPrometheusScrapingEndpoint(Path, provider, configureBranchedPipeline: null, optionsName: null); }
    }
}
