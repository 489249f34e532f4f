using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Telemetry;
using Ctwa.Silo.Hosting.Web.Access;
using Ctwa.Silo.Hosting.Web.Status;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>What the silo serves besides probes: the one place that names its paths.</summary>
internal static class SiloEndpoints
{
    /// <summary>Adds what the endpoints need to the services of the silo's host.</summary>
    public static IServiceCollection AddSiloEndpoints(this IServiceCollection services, SiloWebOptions options)
    {
        services.AddSingleton(options);
        services.AddRoutingCore();
        // Routing writes to it; a web host would have registered one.
        services.TryAddSingleton(_ => new DiagnosticListener("Microsoft.AspNetCore"));
        services.AddSingleton<FailureLimiter>();
        services.AddSingleton(provider => new WebAccess(options, provider.GetRequiredService<FailureLimiter>(), provider.GetRequiredService<ILogger<WebAccess>>(), provider.GetService<ICallerDirectory>()));
        services.AddSingleton<StatusSource>();
        return services;
    }

    /// <summary>Maps the endpoints. <c>endpoints.ServiceProvider</c> and each request's services are those of the silo's host.</summary>
    public static void Map(IEndpointRouteBuilder endpoints)
    {
        endpoints.MapStatus();
        endpoints.MapOrleansDashboard(endpoints.ServiceProvider.GetRequiredService<SiloWebOptions>());
        endpoints.MapMetrics();
    }
}
