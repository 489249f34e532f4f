using System.Text.Json;

namespace Ctwa.Silo.Tools.Models;

/// <summary>The files of a model folder that belong to its tokenizer, chat template included.</summary>
internal static class TokenizerFiles
{
    private const string Main = "tokenizer.json", Config = "tokenizer_config.json", Template = "chat_template.jinja", OldTemplate = "chat_template.json";
    private const long MaxBytes = 64 << 20;

    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = [Main, Config, "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", Template, OldTemplate];

    /// <summary>Copies what there is, each file from the first folder that has it.</summary>
    /// <param name="folders">The model's own folder first. A later one counts only if its tokenizer.json has the same bytes as the first's, or the first has none.</param>
    /// <param name="target">An existing folder.</param>
    /// <returns>The names copied.</returns>
    public static IReadOnlyList<string> Copy(IReadOnlyList<string> folders, string target)
    {
        string[] usable = [.. folders.Where(folder => AreOneTokenizer(folders[0], folder))];
        var copied = new List<string>();
        foreach (string name in Names)
        {
            if (usable.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists) is not { } source) { continue; }
            if (new FileInfo(source).Length > MaxBytes) { throw new InvalidDataException($"{source} is longer than {MaxBytes} bytes; it is no file of a tokenizer."); }
            // Into a template that the tokenizer_config.json already has, a file of another folder must not speak.
            if (name is Template or OldTemplate && Path.GetDirectoryName(source) != Path.TrimEndingDirectorySeparator(folders[0]) && ChatTemplate(target) is not null) { continue; }
            File.Copy(source, Path.Combine(target, name), overwrite: true);
            copied.Add(name);
        }

        return copied;
    }

    /// <summary>Name of the file that holds a folder's chat template; null if there is none.</summary>
    /// <exception cref="InvalidDataException">tokenizer_config.json is not valid JSON.</exception>
    public static string? ChatTemplate(string folder)
    {
        if (((string[])[Template, OldTemplate]).FirstOrDefault(name => File.Exists(Path.Combine(folder, name))) is { } own) { return own; }
        string config = Path.Combine(folder, Config);
        if (!File.Exists(config) || new FileInfo(config).Length > MaxBytes) { return null; }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(config), new JsonDocumentOptions { MaxDepth = 64 });
            return document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("chat_template", out var template) && template.ValueKind is JsonValueKind.String or JsonValueKind.Array ? Config : null;
        }
        catch (JsonException e) { throw new InvalidDataException($"{config} is not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.", e); }
    }

    private static bool AreOneTokenizer(string first, string other)
    {
        string own = Path.Combine(first, Main), theirs = Path.Combine(other, Main);
        if (first == other || !File.Exists(own)) { return true; }
        return File.Exists(theirs) && new FileInfo(theirs).Length == new FileInfo(own).Length && new FileInfo(own).Length <= MaxBytes && File.ReadAllBytes(own).AsSpan().SequenceEqual(File.ReadAllBytes(theirs));
    }
}
