using Ctwa.TestKit.Web;

namespace Ctwa.Client.Tests.Reports;

/// <summary>A report in a real browser.</summary>
internal static class ReportInBrowser
{
    /// <summary>Opens a report and waits until it is drawn.</summary>
    /// <param name="fragment">Such as <c>#tables</c>.</param>
    public static Task<Chromium> OpenAsync(string file, string fragment = "", int width = 1280, int height = 900) =>
        Chromium.OpenAsync(new Uri(new Uri(file).AbsoluteUri + fragment), "document.querySelector('#foot') !== null && document.querySelector('#foot').children.length > 0", width, height);
}
