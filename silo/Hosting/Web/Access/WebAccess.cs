using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using Ctwa.Grains.Abstractions;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Ctwa.Silo.Hosting.Web.Access;

/// <summary>
/// Stands before every endpoint that has a <see cref="RequiredRole"/>. With a file of tokens: a token with that role, from wherever.
/// Without: callers of this machine only, where the server listens on loopback.
/// </summary>
internal sealed class WebAccess(SiloWebOptions options, FailureLimiter failures, ILogger<WebAccess> logger, ICallerDirectory? callers = null)
{
    /// <summary>Key of the <see cref="GridPerson"/> among a request's items; none where the grid has no tokens.</summary>
    public static readonly object PersonKey = new();

    // Who is refused all the time must not fill memory or log.
    private const int MostTold = 1000;

    private readonly ConcurrentDictionary<(string Who, string Why), bool> _told = new();

    /// <summary>Answers those who may not pass.</summary>
    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (context.GetEndpoint()?.Metadata.GetMetadata<RequiredRole>() is not { } required) { return next(context); }
        return callers is null ? WithoutTokensAsync(context, next) : WithTokensAsync(callers, required.Role, context, next);
    }

    private Task WithoutTokensAsync(HttpContext context, RequestDelegate next)
    {
        if (!IPAddress.IsLoopback(options.Bind))
        {
            return RefuseAsync(context, StatusCodes.Status403Forbidden, $"this silo listens on {options.Bind} and has no file of tokens, so that anybody could read this. Start the silos with --tokens FILE, or with --bind 127.0.0.1.");
        }

        // A page of a stranger could give its own name this machine's address, and read with the browser's eyes.
        string host = context.Request.Host.Host.Trim('[', ']');
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var named) && IPAddress.IsLoopback(named))
            ? next(context)
            : RefuseAsync(context, StatusCodes.Status403Forbidden, "this grid has no file of tokens, so that its pages are shown under the names localhost and 127.0.0.1 only.");
    }

    private Task WithTokensAsync(ICallerDirectory callers, GridRole needed, HttpContext context, RequestDelegate next)
    {
        var address = context.Connection.RemoteIpAddress ?? IPAddress.None;
        string? header = context.Request.Headers.Authorization;
        if (header is null) { return ChallengeAsync(context, "no token was given; use the password of the browser's question, or the header Authorization: Bearer TOKEN."); }
        if (failures.Wait(address) is { Ticks: > 0 } wait)
        {
            context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);
            return RefuseAsync(context, StatusCodes.Status429TooManyRequests, "too many wrong tokens came from this address; wait a little.");
        }

        if (TokenHeader.Read(header) is not { } token || callers.FindPerson(token) is not { } person)
        {
            bool last = failures.Count(address);
            Tell(address.ToString(), last ? "too many wrong tokens" : "the token is not one of this grid", context);
            return ChallengeAsync(context, "the token is not one of this grid; ask its administrator for one.");
        }

        if (person.Role < needed)
        {
            string why = $"'{person.Name}' has the role {Word(person.Role)}, and this needs {Word(needed)}";
            Tell(person.Name, why, context);
            return RefuseAsync(context, StatusCodes.Status403Forbidden, why + ".");
        }

        context.Items[PersonKey] = person;
        return next(context);
    }

    private static string Word(GridRole role) => role.ToString().ToLowerInvariant();

    private static Task ChallengeAsync(HttpContext context, string why)
    {
        context.Response.Headers.WWWAuthenticate = "Basic realm=\"ctwa grid: any name, the token as password\", charset=\"UTF-8\"";
        return RefuseAsync(context, StatusCodes.Status401Unauthorized, why);
    }

    private static Task RefuseAsync(HttpContext context, int status, string why)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync($"refused: {why}\n", context.RequestAborted);
    }

    /// <summary>Once per caller and reason. The token is in neither.</summary>
    private void Tell(string who, string why, HttpContext context)
    {
        if (_told.Count < MostTold && _told.TryAdd((who, why), true)) { logger.LogWarning("refused {Path} to {Who}: {Reason}", context.GetEndpoint()?.DisplayName, who, why); }
    }
}
