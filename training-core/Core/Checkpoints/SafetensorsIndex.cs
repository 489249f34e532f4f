using System.Text.Json;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Checkpoints;

/// <summary>The model.safetensors.index.json of a sharded model: which file holds which tensor.</summary>
internal static class SafetensorsIndex
{
    public const string FileName = "model.safetensors.index.json";

    private const int MaxBytes = 64 << 20;

    /// <summary>Tensor name to file name, both as written; file names are plain, without folders.</summary>
    /// <exception cref="InvalidDataException">The file is not such an index.</exception>
    public static Dictionary<string, string> Read(string path)
    {
        if (new FileInfo(path).Length > MaxBytes) { throw new InvalidDataException($"{path} is longer than {MaxBytes} bytes; it is no index of a model."); }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path), new JsonDocumentOptions { MaxDepth = 16 });
            if (document.RootElement.ValueKind != JsonValueKind.Object || !document.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            {
                throw new InvalidDataException("it has no object 'weight_map' of tensor name to file name");
            }

            var files = new Dictionary<string, string>(StringComparer.Ordinal);
            foreach (var entry in map.EnumerateObject())
            {
                string file = entry.Value.GetString() ?? "";
                // A downloaded index must not reach outside its folder.
                if (file.Length == 0 || file is "." or ".." || file.IndexOfAny(['/', '\\', '\0']) >= 0)
                {
                    throw new InvalidDataException($"it maps {SafetensorsHeader.Quote(entry.Name)} to {SafetensorsHeader.Quote(file)}; a file name without folders is expected");
                }

                if (!files.TryAdd(entry.Name, file)) { throw new InvalidDataException($"it maps {SafetensorsHeader.Quote(entry.Name)} twice"); }
            }

            return files.Count > 0 ? files : throw new InvalidDataException("its weight_map is empty");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} cannot be used as an index of weights: {ErrorText.Printable(error.Message)}.", error);
        }
    }
}
