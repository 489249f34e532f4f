namespace Ctwa.Client.Output;

/// <summary>The part of a Markdown document that a program owns: what lies between two marker lines.</summary>
/// <param name="Name">Name in the markers: <c>&lt;!-- NAME:begin --&gt;</c> and <c>&lt;!-- NAME:end --&gt;</c>.</param>
internal sealed record MarkedSection(string Name)
{
    private string Begin => $"<!-- {Name}:begin -->";

    private string End => $"<!-- {Name}:end -->";

    /// <returns>Null, or what is missing.</returns>
    public string? Missing(string path) => !File.Exists(path) ? $"{path} does not exist"
        : Place(File.ReadAllText(path)) is null ? $"{path} lacks the lines {Begin} and {End}" : null;

    /// <summary>Puts a text between the markers.</summary>
    /// <exception cref="InvalidDataException">The document lacks them.</exception>
    public void Replace(string path, string text)
    {
        string document = File.ReadAllText(path);
        var (start, end) = Place(document) ?? throw new InvalidDataException($"{path} lacks the lines {Begin} and {End}.");
        string temporary = path + ".tmp";
        File.WriteAllText(temporary, $"{document[..start]}\n{text.Trim()}\n{document[end..]}");
        File.Move(temporary, path, overwrite: true);
    }

    private (int Start, int End)? Place(string document)
    {
        int begin = document.IndexOf(Begin, StringComparison.Ordinal), end = document.IndexOf(End, StringComparison.Ordinal);
        return begin < 0 || end < begin ? null : (begin + Begin.Length, end);
    }
}
