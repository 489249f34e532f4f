using Ctwa.Training.Datasets;

namespace Ctwa.Silo.Tools.Data;

/// <summary>Finds and reads the files of a downloaded data set.</summary>
internal static class SourceFiles
{
    private static readonly string[] s_extensions = [".jsonl", ".json", ".parquet"];

    /// <summary>
    /// The files of one part: <c>test.jsonl</c>, <c>test-00000-of-00001.parquet</c>, or those in a folder <c>test</c>, in the folder
    /// given or up to two below it.
    /// </summary>
    /// <param name="from">A file, which is the part, or a folder.</param>
    /// <param name="part">train or test.</param>
    /// <exception cref="DatasetException">There is none, or more than one candidate.</exception>
    public static IReadOnlyList<string> Find(string from, string part)
    {
        if (File.Exists(from)) { return [from]; }
        if (!Directory.Exists(from)) { throw new DatasetException($"--from is '{from}', but there is no such file or folder (looked at {Path.GetFullPath(from)}); give what you downloaded."); }
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2, IgnoreInaccessible = true };
        var files = Directory.EnumerateFiles(from, "*", options)
            .Where(file => s_extensions.Contains(Path.GetExtension(file), StringComparer.OrdinalIgnoreCase) && Is(file, part))
            .Order(StringComparer.Ordinal).ToList();
        if (files.Count == 0) { throw new DatasetException($"'{from}' holds no file of the {part} part ({part}.jsonl, {part}-00000-of-00001.parquet or {part}/*.parquet); name the file itself with --from, or download the data set again."); }
        // Pieces of one file belong together; two formats or two variants do not.
        bool pieces = files.Select(file => (Path.GetDirectoryName(file), Path.GetExtension(file))).Distinct().Count() == 1 && (files.Count == 1 || files.TrueForAll(file => Path.GetFileName(file).Contains("-of-", StringComparison.Ordinal) || Parent(file) == part));
        return pieces ? files : throw new DatasetException($"'{from}' holds several files of the {part} part: {string.Join(", ", files.Take(6).Select(file => Path.GetRelativePath(from, file)))}{(files.Count > 6 ? ", ..." : "")}; name one of them, or its folder, with --from.");
    }

    /// <summary>Two columns of the files, each of them a text.</summary>
    /// <exception cref="DatasetException">A file is damaged, or a row lacks a column.</exception>
    public static IEnumerable<(string First, string Second, string File, long Row)> Read(IEnumerable<string> files, string first, string second)
    {
        foreach (string file in files)
        {
            foreach (var row in DataFile.Read(file, first, second, limit: null)) { yield return (row.Prompt, row.Answer, file, row.Number); }
        }
    }

    private static bool Is(string file, string part)
    {
        string stem = Path.GetFileNameWithoutExtension(file);
        return stem == part || stem.StartsWith(part + "-", StringComparison.Ordinal) || Parent(file) == part;
    }

    private static string? Parent(string file) => Path.GetFileName(Path.GetDirectoryName(Path.GetFullPath(file)));
}
