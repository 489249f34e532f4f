using System.Runtime.InteropServices;
using System.Text.Json;

namespace Ctwa.Client.Output;

/// <summary>What measured numbers depend on besides the code.</summary>
/// <param name="Torch">TorchSharp and libtorch of the silo's build.</param>
internal sealed record Machine(string Processor, int Cores, double MemoryGibibytes, string System, string Runtime, string Torch)
{
    /// <summary>Reads it from the system and the built silo; what cannot be read is called unknown.</summary>
    /// <param name="silo">Path of <c>ctwa-silo</c> or <c>ctwa-silo.dll</c>.</param>
    public static Machine Read(string silo) => new(
        Field("/proc/cpuinfo", "model name") ?? RuntimeInformation.ProcessArchitecture.ToString(),
        Environment.ProcessorCount,
        GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024),
        RuntimeInformation.OSDescription,
        RuntimeInformation.FrameworkDescription,
        TorchOf(silo));

    public override string ToString() => FormattableString.Invariant($"{Processor}, {Cores} cores, {MemoryGibibytes:0.0} GiB, {System}; {Runtime}; {Torch}");

    private static string? Field(string file, string name) => !File.Exists(file) ? null : File.ReadLines(file)
        .Where(line => line.StartsWith(name, StringComparison.Ordinal)).Select(line => line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim()).FirstOrDefault();

    private static string TorchOf(string silo)
    {
        string path = Path.Combine(Path.GetDirectoryName(Path.GetFullPath(silo))!, "ctwa-silo.deps.json");
        if (!File.Exists(path)) { return "libtorch unknown"; }
        using var dependencies = JsonDocument.Parse(File.ReadAllBytes(path));
        string[] found = [.. dependencies.RootElement.GetProperty("libraries").EnumerateObject().Select(library => library.Name)
            .Where(name => name.StartsWith("TorchSharp/", StringComparison.Ordinal) || name.StartsWith("libtorch-", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(name => name.Replace('/', ' '))];
        return found.Length > 0 ? string.Join(", ", found) : "libtorch unknown";
    }
}
