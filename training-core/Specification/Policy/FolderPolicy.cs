namespace Ctwa.Training.Specification;

/// <summary>Below which folders the jobs of a silo may read and write: the administrator's list, not the job's.</summary>
public sealed record FolderPolicy
{
    // More entries than any model folder has; a folder with more is no place to look for links one by one.
    private const int MostEntries = 10_000;

    /// <summary>Wherever the silo's user may.</summary>
    public static FolderPolicy Open { get; } = new() { IsOpen = true };

    public bool IsOpen { get; init; }

    /// <summary>Absolute paths of folders.</summary>
    public IReadOnlyList<string> Roots { get; init; } = [];

    /// <summary>Every path of a job that leads elsewhere, one line each, with the key.</summary>
    public IReadOnlyList<string> Refusals(JobSpec job) => IsOpen ? [] : [.. JobPaths.Of(job).Select(use => Refusal(use.Key, use.Value)).OfType<string>()];

    /// <summary>Why a path is refused; null: it is not.</summary>
    /// <param name="key">What names it, for the message.</param>
    /// <param name="path">File or folder; it need not exist yet.</param>
    public string? Refusal(string key, string path)
    {
        if (IsOpen) { return null; }
        string allowed = Roots.Count == 0 ? "none is allowed on this grid" : $"allowed are paths below {string.Join(" and ", Roots)}";
        if (path.Contains('\0', StringComparison.Ordinal)) { return $"{key}: the path contains a NUL character; {allowed}."; }
        if (!Path.IsPathRooted(path)) { return $"{key}: '{path}' is not absolute; {allowed}."; }
        if (path.Split('/').Contains("..")) { return $"{key}: '{path}' contains '..'; {allowed}, written without '..'."; }
        try
        {
            string[] roots = [.. Roots.Select(RealPath.Of)];
            string real = RealPath.Of(path);
            if (!roots.Any(root => RealPath.IsWithin(real, root))) { return $"{key}: '{path}' lies outside{Hint(path, real)}; {allowed}. Move it there, or ask the administrator for another --allow-root."; }
            // A folder may be full of doors: each entry that is a link must stay inside too.
            return Links(real).Select(link => (link, real: RealPath.Of(link))).FirstOrDefault(entry => !roots.Any(root => RealPath.IsWithin(entry.real, root))) is { link: not null } door
                ? $"{key}: '{path}' holds the link '{Path.GetFileName(door.link)}' to '{door.real}', which lies outside; {allowed}."
                : null;
        }
        catch (IOException broken)
        {
            return $"{key}: {broken.Message.TrimEnd('.')}; {allowed}.";
        }
        catch (UnauthorizedAccessException closed)
        {
            return $"{key}: {closed.Message.TrimEnd('.')}; {allowed}.";
        }
    }

    private static IEnumerable<string> Links(string folder) => !Directory.Exists(folder) ? [] : new DirectoryInfo(folder)
        .EnumerateFileSystemInfos("*", new EnumerationOptions { AttributesToSkip = 0, RecurseSubdirectories = false })
        .Take(MostEntries + 1)
        .Select((entry, i) => i < MostEntries ? entry : throw new IOException($"'{folder}' has more than {MostEntries} entries"))
        .Where(entry => entry.LinkTarget is not null)
        .Select(entry => entry.FullName);

    private static string Hint(string path, string real) => Path.TrimEndingDirectorySeparator(path) == real ? "" : $" (it leads to '{real}')";
}
