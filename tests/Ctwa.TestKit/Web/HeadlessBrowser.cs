using System.Diagnostics;
using System.Text.RegularExpressions;
using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.TestKit.Web;

/// <summary>A real browser without a window.</summary>
public static partial class HeadlessBrowser
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(120);

    /// <summary>Its program; skips the running test, with the reason, where there is none.</summary>
    public static string OrSkip()
    {
        string? program = Programs.Find("chromium") ?? Programs.Find("chromium-browser") ?? Programs.Find("google-chrome");
        Assert.SkipWhen(program is null, "there is no chromium on the PATH (apt-get install chromium).");
        return program!;
    }

    /// <summary>Opens a page and lets its script run for some seconds.</summary>
    /// <param name="address">URL.</param>
    /// <param name="options">More options, such as <c>--screenshot=FILE</c> instead of the default <c>--dump-dom</c>.</param>
    /// <returns>What it printed: the document as it is then, and everything that the page said on its console.</returns>
    public static async Task<(string Document, IReadOnlyList<string> Console)> OpenAsync(string address, params IReadOnlyList<string> options)
    {
        string profile = Directory.CreateTempSubdirectory("ctwa-browser-").FullName;
        try
        {
            string[] fixedOptions = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--disable-background-networking", "--enable-logging=stderr", "--log-level=0", "--timeout=6000", $"--user-data-dir={profile}"];
            var start = new ProcessStartInfo(OrSkip(), [.. fixedOptions, .. options.Count > 0 ? options : ["--dump-dom"], address]) { RedirectStandardOutput = true, RedirectStandardError = true };
            // Nothing of the reader's own.
            start.Environment["HOME"] = profile;
            using var process = Process.Start(start)!;
            var output = process.StandardOutput.ReadToEndAsync();
            var errors = process.StandardError.ReadToEndAsync();
            using var limit = new CancellationTokenSource(s_patience);
            try
            {
                await process.WaitForExitAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                process.Kill(entireProcessTree: true);
                throw new TimeoutException($"the browser did not end within {s_patience.TotalSeconds:0} s at {address}.");
            }

            return (await output, [.. Console().Matches(await errors).Select(match => match.Groups[1].Value)]);
        }
        finally
        {
            try { Directory.Delete(profile, recursive: true); }
            catch (IOException) { /* One of its processes may still be closing a file. */ }
        }
    }

    // [1:1:1127/104000.123456:INFO:CONSOLE:12] "text", source: http://... (12)
    [GeneratedRegex("CONSOLE[(:]\\d+[)\\]]+ (.*)")]
    private static partial Regex Console();
}
