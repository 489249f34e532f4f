namespace Ctwa.Training.Specification;

/// <summary>Finds programs as a shell would: a name on the PATH, anything with a '/' as it is.</summary>
public static class ProgramPath
{
    /// <summary>Full path of a program; null if there is no such executable file.</summary>
    public static string? Find(string program)
    {
        if (program.Length == 0 || program.Contains('\0', StringComparison.Ordinal)) { return null; }
        if (program.Contains('/', StringComparison.Ordinal)) { return IsExecutable(Path.GetFullPath(program)) ? Path.GetFullPath(program) : null; }
        // A relative entry of the PATH would mean another program in another folder.
        return (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Where(Path.IsPathRooted).Select(folder => Path.Combine(folder, program)).FirstOrDefault(IsExecutable);
    }

    /// <summary>The path behind symbolic links, those of its folders too.</summary>
    public static string Real(string path)
    {
        string full = Path.GetFullPath(path);
        // As many links as the kernel follows: a circle ends here too, and names no allowed program.
        for (int links = 0; links < 40; links++)
        {
            if (FirstLink(full) is not var (link, target)) { return full; }
            full = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(link)!, target) + full[link.Length..]);
        }

        return full;
    }

    private static (string Link, string Target)? FirstLink(string full)
    {
        for (int end = full.IndexOf('/', 1); ; end = full.IndexOf('/', end + 1))
        {
            string prefix = end < 0 ? full : full[..end];
            if (new FileInfo(prefix).LinkTarget is { } target) { return (prefix, target); }
            if (end < 0) { return null; }
        }
    }

    private static bool IsExecutable(string path)
    {
        try
        {
            return File.Exists(path) && (OperatingSystem.IsWindows() || (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) != 0);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return false; // A link that leads nowhere, or a folder that is closed to us.
        }
    }
}
