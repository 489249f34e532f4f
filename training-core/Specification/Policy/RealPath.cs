namespace Ctwa.Training.Specification;

/// <summary>Where a path leads, as the kernel walks it: component by component, through every symbolic link.</summary>
public static class RealPath
{
    // As many links as Linux follows before it calls a path a circle.
    private const int MostLinks = 40;

    /// <summary>
    /// The path behind symbolic links, those of its folders too. What does not exist yet is taken as it is named; it may not
    /// contain <c>..</c>, since that could lead anywhere once a link is there.
    /// </summary>
    /// <param name="path">Absolute.</param>
    /// <exception cref="IOException">It is a circle of links, or cannot be looked at.</exception>
    public static string Of(string path)
    {
        if (!Path.IsPathRooted(path)) { throw new ArgumentException($"'{path}' is not an absolute path.", nameof(path)); }
        var rest = new Stack<string>();
        Push(rest, path);
        var walked = new List<string>();
        int links = 0;
        bool exists = true;
        while (rest.TryPop(out string? part))
        {
            if (part == ".") { continue; }
            if (part == "..")
            {
                if (!exists) { throw new IOException($"'{path}' goes up ('..') from a folder that does not exist."); }
                if (walked.Count > 0) { walked.RemoveAt(walked.Count - 1); }
                continue;
            }

            string here = "/" + string.Join('/', walked.Append(part));
            if (exists && Target(here) is { } target)
            {
                if (++links > MostLinks) { throw new IOException($"'{path}' leads through more than {MostLinks} symbolic links."); }
                if (Path.IsPathRooted(target)) { walked.Clear(); }
                Push(rest, target);
                continue;
            }

            exists = exists && (File.Exists(here) || Directory.Exists(here));
            walked.Add(part);
        }

        return "/" + string.Join('/', walked);
    }

    /// <summary>Whether a path is a folder or lies below it; both as <see cref="Of"/> returns them.</summary>
    public static bool IsWithin(string path, string folder) =>
        folder == "/" || path == folder || (path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal));

    private static string? Target(string path)
    {
        try { return new FileInfo(path).LinkTarget; }
        catch (UnauthorizedAccessException closed) { throw new IOException(closed.Message, closed); }
    }

    private static void Push(Stack<string> rest, string path)
    {
        foreach (string part in path.Split('/', StringSplitOptions.RemoveEmptyEntries).Reverse()) { rest.Push(part); }
    }
}
