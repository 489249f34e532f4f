using Ctwa.Grains.Abstractions;
using Microsoft.AspNetCore.Builder;

namespace Ctwa.Silo.Hosting.Web.Access;

/// <summary>On an endpoint: who may see it. Where the grid has no tokens, it is shown on loopback only.</summary>
/// <param name="Role">The least that a token must have.</param>
internal sealed record RequiredRole(GridRole Role);

internal static class RequiredRoleExtensions
{
    /// <summary>Only callers with this role, or a higher one, are answered.</summary>
    public static TBuilder RequireRole<TBuilder>(this TBuilder endpoint, GridRole role) where TBuilder : IEndpointConventionBuilder
    {
        endpoint.Add(builder => builder.Metadata.Add(new RequiredRole(role)));
        return endpoint;
    }
}
