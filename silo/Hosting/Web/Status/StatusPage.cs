using System.Security.Cryptography;
using System.Text;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>The status page: made whole by the silo; its script only fetches it again when it has changed.</summary>
internal static class StatusPage
{
    private static readonly Lazy<string> s_style = new(() => Resource("status.css"));
    private static readonly Lazy<string> s_script = new(() => Resource("status.js"));

    /// <summary>The page's content, and a name that changes with it.</summary>
    public static (Html Content, string Name) Content(GridStatus status)
    {
        var content = new Html();
        StatusOverview.Write(content, status);
        StatusJobs.Write(content, status);
        StatusSilos.Write(content, status);
        StatusFaults.Write(content, status);
        return (content, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content.ToString())))[..16]);
    }

    /// <param name="nonce">Lets the page's own style and script run, and no others.</param>
    public static string Write(GridStatus status, string nonce)
    {
        var (content, name) = Content(status);
        return new Html().Add($"""
            <!doctype html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>{status.Cluster}: status of the grid</title>
            <link rel="icon" href="data:,">
            <noscript><meta http-equiv="refresh" content="10"></noscript>
            <style nonce="{nonce}">
            """).AddTrusted(s_style.Value).Add($"""
            </style>
            </head>
            <body>
            <header>
            <h1>Grid <bdi>{status.Cluster}</bdi></h1>
            <p class="seen">seen by silo <bdi>{status.ServedBy}</bdi> at <span id="seen">{Figures.Moment(status.At)}</span> UTC</p>
            <button type="button" id="pause" aria-pressed="false" hidden>Pause updates</button>
            <p id="live" role="status"></p>
            </header>
            <main id="main" data-page="{name}">
            {content}</main>
            <footer><p>The same as JSON: <a href="status.json">status.json</a>. Times are UTC. Curves show the last {JobSteps.Window} steps at most; <code>ctwa watch</code>, <code>ctwa report</code> and metrics have more.</p></footer>
            <script nonce="{nonce}">
            """).AddTrusted(s_script.Value).Add($"""
            </script>
            </body>
            </html>

            """).ToString();
    }

    private static string Resource(string name)
    {
        using var stream = typeof(StatusPage).Assembly.GetManifestResourceStream(name) ?? throw new InvalidOperationException($"the resource {name} is missing from this program.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
