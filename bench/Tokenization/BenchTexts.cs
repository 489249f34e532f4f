using System.Text.Json;

namespace Ctwa.Bench.Tokenization;

/// <summary>Texts to tokenize: every string value of JSON files, every other file whole.</summary>
internal static class BenchTexts
{
    /// <summary>Of a file, or of the files of a folder; none if there is neither.</summary>
    public static IEnumerable<string> Of(string path)
    {
        string[] files = Directory.Exists(path) ? [.. Directory.GetFiles(path).Order(StringComparer.Ordinal)] : File.Exists(path) ? [path] : [];
        foreach (string file in files)
        {
            switch (Path.GetExtension(file))
            {
                case ".jsonl":
                    foreach (string line in File.ReadLines(file).Where(line => line.Length > 0)) { foreach (string text in Strings(line)) { yield return text; } }
                    break;
                case ".json":
                    foreach (string text in Strings(File.ReadAllText(file))) { yield return text; }
                    break;
                case ".txt" or ".md": yield return File.ReadAllText(file); break;
                default: break;
            }
        }
    }

    /// <summary>Code and documents of a checkout, without what builds made.</summary>
    public static List<string> OfCheckout(string root) =>
        [.. Directory.EnumerateFiles(root, "*", SearchOption.AllDirectories)
            .Where(file => Path.GetExtension(file) is ".cs" or ".md" && !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(File.ReadAllText)];

    /// <summary>String values of a JSON document, in its order.</summary>
    internal static List<string> Strings(string json)
    {
        var found = new List<string>();
        using var document = JsonDocument.Parse(json);
        Visit(document.RootElement);
        return found;

        void Visit(JsonElement element)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.String: found.Add(element.GetString()!); break;
                case JsonValueKind.Array: foreach (var item in element.EnumerateArray()) { Visit(item); } break;
                // What a case says besides its text repeats it.
                case JsonValueKind.Object: foreach (var item in element.EnumerateObject().Where(item => item.Name is not ("decoded" or "decoded_skip_special" or "category"))) { Visit(item.Value); } break;
                default: break;
            }
        }
    }
}
