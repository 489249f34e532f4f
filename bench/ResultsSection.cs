namespace Ctwa.Bench;

/// <summary>The part of a Markdown document that a benchmark owns: what lies between two marker lines.</summary>
internal static class ResultsSection
{
    public const string Begin = "<!-- results:begin -->", End = "<!-- results:end -->";

    public static bool HasMarkers(string path) => File.Exists(path) && Place(File.ReadAllText(path)) is not null;

    /// <summary>Puts a text between the markers.</summary>
    /// <exception cref="InvalidDataException">The document lacks them.</exception>
    public static void Replace(string path, string text)
    {
        string document = File.ReadAllText(path);
        var (start, end) = Place(document) ?? throw new InvalidDataException($"{path} lacks the lines {Begin} and {End}.");
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, $"{document[..start]}\n{text.Trim()}\n{document[end..]}");
        File.Move(temporary, path, overwrite: true);
    }

    private static (int Start, int End)? Place(string document)
    {
        int begin = document.IndexOf(Begin, StringComparison.Ordinal), end = document.IndexOf(End, StringComparison.Ordinal);
        return begin < 0 || end < begin ? null : (begin + Begin.Length, end);
    }
}
