using System.Diagnostics;
using Ctwa.Silo.Hosting.Telemetry;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>What the silo serves besides probes: the one place that names its paths.</summary>
internal static class SiloEndpoints
{
    /// <summary>Adds what the endpoints need to the services of the silo's host.</summary>
    public static IServiceCollection AddSiloEndpoints(this IServiceCollection services)
    {
        services.AddRoutingCore();
        // Routing writes to it; a web host would have registered one.
        services.TryAddSingleton(_ => new DiagnosticListener("Microsoft.AspNetCore"));
        return services;
    }

    /// <summary>Maps the endpoints. <c>endpoints.ServiceProvider</c> and each request's services are those of the silo's host.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapMetrics();
    }
}
