namespace Ctwa.Silo.Tools.Evaluation;

/// <summary>Files that a tool writes at its end: checked to be writable before the work, and either whole or not there after it.</summary>
internal static class ToolOutputFiles
{
    private const string Unfinished = ".writing";

    /// <param name="files">Option and file; a null file is none.</param>
    /// <exception cref="ToolFailure">One cannot be written (code 5), or two are one file (code 2).</exception>
    public static void Check(params ReadOnlySpan<(string Option, string? Path)> files)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (option, path) in files)
        {
            if (path is null) { continue; }
            if (path.Length == 0 || Directory.Exists(path)) { throw new ToolFailure(ToolExitCodes.BadInput, $"{option} '{path}' names a folder; give a file."); }
            string full = Path.GetFullPath(path);
            if (!seen.Add(full)) { throw new ToolFailure(ToolExitCodes.BadInput, $"{option} '{path}' is named twice; give two files."); }
            Guard(path, () =>
            {
                Directory.CreateDirectory(Path.GetDirectoryName(full)!);
                using (File.Create(full + Unfinished)) { }
                File.Delete(full + Unfinished);
            });
        }
    }

    /// <summary>Replaces the file in one step.</summary>
    /// <exception cref="ToolFailure">The disk is full or not writable.</exception>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        byte[] bytes = content.ToArray();
        Guard(path, () =>
        {
            string full = Path.GetFullPath(path);
            try
            {
                File.WriteAllBytes(full + Unfinished, bytes);
                File.Move(full + Unfinished, full, overwrite: true);
            }
            catch (IOException)
            {
                // Half a file on a full disk helps nobody.
                try { File.Delete(full + Unfinished); } catch (IOException) { }
                throw;
            }
        });
    }

    private static void Guard(string path, Action work)
    {
        try { work(); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ToolFailure(ToolExitCodes.StorageFailed, $"'{path}' cannot be written: {e.Message} Choose a writable place with free space.");
        }
    }
}
