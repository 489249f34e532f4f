using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.Training.Checkpoints;

/// <summary>Writes a model's weights as transformers does: one <c>model.safetensors</c>, or numbered shards with an index above a size.</summary>
public static class SafetensorsShards
{
    /// <summary>Bytes of data in a shard unless one tensor alone is larger: transformers' 5GB.</summary>
    public const long DefaultShardBytes = 5_000_000_000;

    private const string Single = "model.safetensors";
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Whether a file name is one that <see cref="Write"/> gives, so that writing a folder anew knows what is stale.</summary>
    public static bool IsWeights(string fileName) => fileName is Single or SafetensorsIndex.FileName
        || (fileName.StartsWith("model-", StringComparison.Ordinal) && fileName.EndsWith(".safetensors", StringComparison.Ordinal));

    /// <summary>Writes the weights into a folder that has none.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="sources">The tensors in the model's order; a shard holds consecutive ones.</param>
    /// <param name="shardBytes">Most bytes of data per shard.</param>
    /// <param name="progress">Called with the number of bytes of every tensor when it is about to be written.</param>
    /// <returns>The files' names, the index excluded.</returns>
    /// <exception cref="OverflowException">A finite value does not fit the stored type.</exception>
    /// <exception cref="IOException">The files cannot be written.</exception>
    public static IReadOnlyList<string> Write(string folder, IReadOnlyList<TensorSource> sources, long shardBytes = DefaultShardBytes, Action<long>? progress = null)
    {
        var shards = Cut(sources, shardBytes);
        string[] names = [.. shards.Select((_, i) => shards.Count == 1 ? Single : $"model-{i + 1:D5}-of-{shards.Count:D5}.safetensors")];
        for (int i = 0; i < shards.Count; i++) { SafetensorsWriter.Write(Path.Combine(folder, names[i]), shards[i].Select(one => Watched(one, progress)), flushToDisk: true); }
        if (shards.Count > 1) { File.WriteAllText(Path.Combine(folder, SafetensorsIndex.FileName), Index(shards, names), new UTF8Encoding(false)); }
        return names;
    }

    private static List<List<TensorSource>> Cut(IEnumerable<TensorSource> sources, long shardBytes)
    {
        var shards = new List<List<TensorSource>> { new() };
        long size = 0;
        foreach (var source in sources)
        {
            if (shards[^1].Count > 0 && size + source.ByteLength > shardBytes) { shards.Add([]); size = 0; }
            shards[^1].Add(source);
            size += source.ByteLength;
        }

        return shards;
    }

    private static TensorSource Watched(TensorSource source, Action<long>? progress) => progress is null ? source : source with
    {
        Pieces = visit =>
        {
            progress(source.ByteLength);
            source.Pieces(visit);
        },
    };

    private static string Index(List<List<TensorSource>> shards, string[] names)
    {
        var places = shards.SelectMany((shard, i) => shard.Select(source => (source.Name, File: names[i]))).OrderBy(place => place.Name, StringComparer.Ordinal);
        return new JsonObject
        {
            ["metadata"] = new JsonObject { ["total_size"] = shards.Sum(shard => shard.Sum(source => source.ByteLength)) },
            ["weight_map"] = new JsonObject(places.Select(place => KeyValuePair.Create(place.Name, (JsonNode?)place.File))),
        }.ToJsonString(s_json) + "\n";
    }
}
