using Microsoft.AspNetCore.Http;

namespace Ctwa.Silo.Hosting.Web;

/// <summary>What every answer says to browsers: keep nothing, guess nothing, run nothing, show it in no frame.</summary>
internal static class SecurityHeaders
{
    /// <summary>Sets them; an endpoint that serves a page replaces the content security policy by one that lets its own script run.</summary>
    public static void Set(IHeaderDictionary headers)
    {
        headers.CacheControl = "no-store";
        headers.XContentTypeOptions = "nosniff";
        headers.ContentSecurityPolicy = "default-src 'none'; frame-ancestors 'none'";
        headers.XFrameOptions = "DENY";
        headers["Referrer-Policy"] = "no-referrer";
        headers["Cross-Origin-Resource-Policy"] = "same-origin";
    }
}
