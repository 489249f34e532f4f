using System.Text.Json;
using System.Text.Json.Nodes;

namespace Ctwa.GpuCheck;

/// <summary>Results as JSON lines, printed and added to a file that all parts and the PyTorch twin share.</summary>
internal sealed class Records(string? path)
{
    /// <summary>Checks that failed so far.</summary>
    public int Failures { get; private set; }

    /// <summary>Adds one result.</summary>
    public void Add(JsonObject record)
    {
        string line = record.ToJsonString();
        Console.WriteLine(line);
        if (path is not null) { File.AppendAllText(path, line + "\n"); }
    }

    /// <summary>Adds a difference from a reference value and its bound; NaN fails.</summary>
    public void Check(string type, string model, string quantity, double difference, double tolerance)
    {
        bool ok = difference <= tolerance;
        if (!ok) { Failures++; }
        Add(new JsonObject
        {
            ["part"] = "golden", ["who"] = "ctwa", ["type"] = type, ["model"] = model, ["quantity"] = quantity,
            ["difference"] = double.IsFinite(difference) ? difference : difference.ToString(System.Globalization.CultureInfo.InvariantCulture), ["tolerance"] = tolerance, ["ok"] = ok,
        });
    }

    /// <summary>Reads what was added to a file.</summary>
    public static JsonElement[] Read(string file) =>
        [.. File.ReadLines(file).Where(line => line.StartsWith('{')).Select(line => JsonSerializer.Deserialize<JsonElement>(line))];
}
