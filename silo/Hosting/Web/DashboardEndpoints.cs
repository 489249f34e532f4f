using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Web.Access;
using Ctwa.Silo.Hosting.Web.Status;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Orleans.Dashboard;
using Orleans.Hosting;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>The dashboard of Orleans: activations, calls and their times, for those who look for a fault in the grid itself.</summary>
internal static class DashboardEndpoints
{
    private const string Path = "/dashboard";

    /// <summary>Adds what every silo of a grid needs for it. After the grid itself: its profiler stands behind the checks of callers.</summary>
    public static ISiloBuilder AddOrleansDashboard(this ISiloBuilder silo) =>
        // Its stream of log lines would keep a connection open for an hour per viewer, and logs have their own place.
        silo.AddDashboard(options => options.HideTrace = true);

    /// <summary><c>/dashboard</c>, for administrators.</summary>
    public static void MapOrleansDashboard(this IEndpointRouteBuilder endpoints, SiloWebOptions web)
    {
        if (!web.Dashboard)
        {
            endpoints.MapMethods(Path, StatusEndpoints.Methods, context =>
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                context.Response.ContentType = "text/plain; charset=utf-8";
                return context.Response.WriteAsync("the Orleans dashboard is not served; start every silo of the grid with --dashboard.\n", context.RequestAborted);
            }).RequireRole(GridRole.Admin);
            return;
        }

        var dashboard = endpoints.MapGroup("");
        dashboard.RequireRole(GridRole.Admin);
        // Its pages bring scripts, styles and fonts of their own; they get nothing from elsewhere.
        dashboard.AddEndpointFilter(async (context, next) =>
        {
            context.HttpContext.Response.Headers.ContentSecurityPolicy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
            return await next(context);
        });
        // It would call any grain by any name that a query gives, and so bring it to life.
        dashboard.MapGet(Path + "/GrainState", () => Results.Text("refused: the state of single grains is not shown.\n", "text/plain", System.Text.Encoding.UTF8, StatusCodes.Status403Forbidden)).WithOrder(-1);
        Orleans.Dashboard.ServiceCollectionExtensions.MapOrleansDashboard(dashboard, Path);
    }
}
