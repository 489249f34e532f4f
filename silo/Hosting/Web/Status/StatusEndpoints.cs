using System.Security.Cryptography;
using Ctwa.Grains.Abstractions;
using Ctwa.Silo.Hosting.Web.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary><c>/status</c> and <c>/status.json</c>.</summary>
internal static class StatusEndpoints
{
    public static void MapStatus(this IEndpointRouteBuilder endpoints)
    {
        var source = endpoints.ServiceProvider.GetRequiredService<StatusSource>();
        endpoints.MapMethods("/status", Methods, context => AnswerAsync(context, source, PageAsync)).RequireRole(GridRole.Read);
        endpoints.MapMethods("/status.json", Methods, context => AnswerAsync(context, source, JsonAsync)).RequireRole(GridRole.Read);
    }

    /// <summary>Reading is all that can be done here.</summary>
    public static IReadOnlyList<string> Methods { get; } = [HttpMethods.Get, HttpMethods.Head];

    private static async Task AnswerAsync(HttpContext context, StatusSource source, Func<HttpContext, GridStatus, Task> write) =>
        await write(context, await source.GetAsync(context.RequestAborted));

    private static Task PageAsync(HttpContext context, GridStatus status)
    {
        string nonce = Convert.ToBase64String(RandomNumberGenerator.GetBytes(16));
        context.Response.ContentType = "text/html; charset=utf-8";
        context.Response.Headers.ContentSecurityPolicy = $"default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
        return context.Response.WriteAsync(StatusPage.Write(status, nonce), context.RequestAborted);
    }

    private static async Task JsonAsync(HttpContext context, GridStatus status)
    {
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(StatusJson.Write(status, StatusPage.Content(status).Name), context.RequestAborted);
    }
}
