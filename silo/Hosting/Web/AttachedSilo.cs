using Ctwa.Silo.Hosting.Web.Access;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>The endpoints of the silo that is there now, with its services instead of the web server's.</summary>
internal sealed class AttachedSilo
{
    private volatile Silo? _silo;

    /// <summary>Takes the place of the silo before.</summary>
    public void Attach(IServiceProvider services)
    {
        var pipeline = new ApplicationBuilder(services);
        var access = services.GetRequiredService<WebAccess>();
        pipeline.UseRouting();
        pipeline.Use(next => context => access.InvokeAsync(context, next));
        pipeline.UseEndpoints(SiloEndpoints.Map);
        _silo = new Silo(services, pipeline.Build(), services.GetRequiredService<IHostApplicationLifetime>());
    }

    /// <summary>Answers; 503 while there is no silo.</summary>
    public async Task AnswerAsync(HttpContext context)
    {
        if (_silo is not { } silo || !silo.Lifetime.ApplicationStarted.IsCancellationRequested || silo.Lifetime.ApplicationStopping.IsCancellationRequested)
        {
            await SayAsync(context, StatusCodes.Status503ServiceUnavailable, "the silo is starting or stopping; /readyz says more.\n");
            return;
        }

        var own = context.RequestServices;
        try
        {
            await using var scope = silo.Services.CreateAsyncScope();
            context.RequestServices = scope.ServiceProvider;
            await silo.Pipeline(context);
        }
        catch (ObjectDisposedException) when (silo.Lifetime.ApplicationStopping.IsCancellationRequested && !context.Response.HasStarted)
        {
            await SayAsync(context, StatusCodes.Status503ServiceUnavailable, "the silo is stopping.\n");
        }
        finally
        {
            context.RequestServices = own;
        }
    }

    private static Task SayAsync(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        return context.Response.WriteAsync(text, context.RequestAborted);
    }

    private sealed record Silo(IServiceProvider Services, RequestDelegate Pipeline, IHostApplicationLifetime Lifetime);
}
