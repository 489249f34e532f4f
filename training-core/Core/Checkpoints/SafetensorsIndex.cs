using System.Text.Json;

namespace Ctwa.Training.Checkpoints;

/// <summary>The model.safetensors.index.json of a sharded model: which file holds which tensor.</summary>
internal static class SafetensorsIndex
{
    public const string FileName = "model.safetensors.index.json";

    /// <summary>Tensor name to file name, both as written; file names are plain, without folders.</summary>
    /// <exception cref="InvalidDataException">The file is not such an index.</exception>
    public static Dictionary<string, string> Read(string path)
    {
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
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
                    throw new InvalidDataException($"it maps '{entry.Name}' to '{file}'; a file name without folders is expected");
                }

                if (!files.TryAdd(entry.Name, file)) { throw new InvalidDataException($"it maps '{entry.Name}' twice"); }
            }

            return files.Count > 0 ? files : throw new InvalidDataException("its weight_map is empty");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or InvalidDataException)
        {
            throw new InvalidDataException($"{path} cannot be used as an index of weights: {error.Message}.", error);
        }
    }
}
