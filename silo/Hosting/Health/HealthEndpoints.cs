using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Ctwa.Silo.Hosting.Health;

/// <summary>Answers probes: <c>/healthz</c> and <c>/readyz</c>. They need neither Orleans nor a token, and wait for nothing.</summary>
internal static class HealthEndpoints
{
    /// <summary>Answers if the request is a probe's.</summary>
    /// <returns>Null: it is not.</returns>
    public static Task? TryAnswer(HttpContext context, HealthProbe probe) => context.Request.Path.Value switch
    {
        "/healthz" => AnswerAsync(context, probe.Live()),
        "/readyz" => AnswerAsync(context, probe.Ready()),
        _ => null,
    };

    private static async Task AnswerAsync(HttpContext context, HealthReport report)
    {
        context.Response.StatusCode = report.IsGood ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        context.Response.ContentType = "application/json";
        await context.Response.Body.WriteAsync(JsonSerializer.SerializeToUtf8Bytes(report), context.RequestAborted);
    }
}
