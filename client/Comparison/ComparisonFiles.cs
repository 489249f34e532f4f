using System.ComponentModel;
using System.Diagnostics;
using Ctwa.Client.Output;

namespace Ctwa.Client.Comparison;

/// <summary>The files of a comparison: <c>compare.md</c>, <c>compare.json</c>, <c>compare.svg</c> and, where <c>rsvg-convert</c> is installed, <c>compare.png</c>.</summary>
internal static class ComparisonFiles
{
    /// <summary>The section of a document that <c>--document</c> fills.</summary>
    public static MarkedSection Section { get; } = new("compare");

    /// <param name="folder">Folder of the comparison.</param>
    /// <param name="document">Markdown document that gets the tables, with the picture beside it; null: none.</param>
    /// <returns>Paths of what was written.</returns>
    /// <exception cref="CommandFailure">A file cannot be written.</exception>
    public static async Task<IReadOnlyList<string>> WriteAsync(ComparisonReport report, string folder, string? document)
    {
        string At(string name) => Path.Combine(folder, name);
        string picture = ComparisonPicture.Write(report);
        var written = new List<string> { At("compare.md"), At("compare.json"), At("compare.svg") };
        try
        {
            await File.WriteAllTextAsync(written[0], ComparisonText.Markdown(report, "compare.svg"));
            await File.WriteAllTextAsync(written[1], ComparisonJson.Write(report));
            await File.WriteAllTextAsync(written[2], picture);
            if (await TryPaintAsync(written[2], At("compare.png"))) { written.Add(At("compare.png")); }
            if (document is null) { return written; }
            string beside = Path.ChangeExtension(document, null) + "-compare.svg";
            await File.WriteAllTextAsync(beside, picture);
            Section.Replace(document, ComparisonText.Markdown(report, Path.GetFileName(beside)));
            return [.. written, beside, document];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"the results cannot be written: {e.Message} The runs in {folder} are complete; call the command again to write them.");
        }
    }

    private static async Task<bool> TryPaintAsync(string svg, string png)
    {
        try
        {
            using var painter = Process.Start(new ProcessStartInfo("rsvg-convert", ["-o", png, svg]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            await painter.WaitForExitAsync();
            return painter.ExitCode == 0;
        }
        catch (Win32Exception)
        {
            // Not installed: the SVG is the picture.
            return false;
        }
    }
}
