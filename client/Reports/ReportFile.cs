using System.Text;
using Ctwa.Client.Reports.Page;

namespace Ctwa.Client.Reports;

/// <summary>Files that a report writes: whole or not at all, and never over a file that is not its own.</summary>
internal static class ReportFile
{
    /// <summary>Writes a file; an existing one is replaced only if an earlier report made it.</summary>
    /// <param name="path">Absolute path.</param>
    /// <param name="option">What the user gave it by, for messages.</param>
    /// <param name="isOurs">Whether a file that begins like this is one that an earlier report made.</param>
    /// <param name="force">Replace it, whatever it is.</param>
    /// <param name="write">Writes the content.</param>
    /// <exception cref="CommandFailure">Something else is there, or it cannot be written.</exception>
    public static void Write(string path, string option, Func<string, bool> isOurs, bool force, Action<Stream> write)
    {
        try
        {
            if (Directory.Exists(path)) { throw new CommandFailure(ExitCodes.BadInput, $"{option}: {path} is a folder; name a file, such as {Path.Combine(path, "report.html")}."); }
            if (File.Exists(path) && !force && !isOurs(Beginning(path))) { throw new CommandFailure(ExitCodes.BadInput, $"{option}: {path} exists and was not written by ctwa report; choose another name, or --force to replace it."); }
            string temporary = path + ".tmp";
            try
            {
                using (var stream = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None)) { write(stream); }
                File.Move(temporary, path, overwrite: true);
            }
            catch
            {
                File.Delete(temporary);
                throw;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"{option}: {path} cannot be written: {e.Message} Choose a writable place by {option.Split(' ')[0]}.");
        }
    }

    /// <summary>Whether a file is a page of <c>ctwa report</c>.</summary>
    public static bool IsPage(string beginning) => beginning.StartsWith(ReportPage.Mark, StringComparison.Ordinal);

    private static string Beginning(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        byte[] head = new byte[256];
        return Encoding.UTF8.GetString(head, 0, stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false));
    }
}
