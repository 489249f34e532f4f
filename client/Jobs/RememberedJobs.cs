using Ctwa.Client.Contexts;

namespace Ctwa.Client.Jobs;

/// <summary>Ids of jobs that commands have shown, newest first, for the completion of shells. Losing the file costs nothing.</summary>
internal sealed class RememberedJobs(string path)
{
    /// <summary>Older ones are forgotten.</summary>
    public const int Most = 200;

    private const int LongestId = 256;

    /// <summary><c>$XDG_CACHE_HOME/ctwa/jobs</c>, or below <c>~/.cache</c>; null: this user has no home.</summary>
    public static RememberedJobs? Find(Func<string, string?> environment)
    {
        string? folder = environment("XDG_CACHE_HOME") is { } set && Path.IsPathRooted(set) ? set
            : environment("HOME") is { Length: > 0 } home ? Path.Combine(home, ".cache")
            : null;
        return folder is null ? null : new RememberedJobs(Path.Combine(folder, "ctwa", "jobs"));
    }

    public IReadOnlyList<string> Load()
    {
        try { return File.Exists(path) ? [.. File.ReadLines(path).Where(IsId).Take(Most)] : []; }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return []; }
    }

    /// <summary>Puts some to the front. A failure is nobody's business.</summary>
    /// <param name="ids">Newest first.</param>
    public void Add(IEnumerable<string> ids)
    {
        try
        {
            var before = Load();
            string[] now = [.. ids.Where(IsId).Concat(before).Distinct().Take(Most)];
            if (now.SequenceEqual(before)) { return; }
            PrivateFiles.CreateFolder(Path.GetDirectoryName(path)!);
            string temporary = FormattableString.Invariant($"{path}.{Environment.ProcessId}.tmp");
            File.WriteAllLines(temporary, now);
            File.Move(temporary, path, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The next command tries again.
        }
    }

    // What a shell would have to quote is no id of a grid.
    private static bool IsId(string text) => text.Length is > 0 and <= LongestId && text.All(c => char.IsLetterOrDigit(c) || c is '-' or '_' or '.');
}
