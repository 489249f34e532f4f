using System.Text.Json;
using Ctwa.Training.Runs;
using TorchSharp;

namespace Ctwa.Training.Steps;

/// <summary>
/// What besides the job decides the bits of float32 arithmetic (invariant I1). Equal fingerprints give equal bits;
/// different ones may.
/// </summary>
/// <param name="Device">Name of the processor that computes.</param>
/// <param name="Instructions">Instruction set that libtorch's kernels choose on it: avx512, avx2 or default; "no sgemm" where its matrix products cannot be called on plain memory.</param>
/// <param name="LibTorch">Version of libtorch.</param>
/// <param name="ThreadsPerShard">Native threads of one compute lane.</param>
/// <param name="Arithmetic">Version of this project's own arithmetic: see <see cref="CurrentArithmetic"/>; 0 in checkpoints that are older than the number.</param>
public sealed record NumericFingerprint(string Device, string Instructions, string LibTorch, int ThreadsPerShard, int Arithmetic = 0)
{
    /// <summary>To be raised by every change of kernels, of shapes of forward passes or of the order of additions that gives a job other bits. 1: a decoder of our own for float32 on CPUs (decision 12).</summary>
    public const int CurrentArithmetic = 1;

    private const string FileName = "fingerprint.json";

    /// <summary>The fingerprint of lanes on a device in this process.</summary>
    public static NumericFingerprint Of(torch.Device device, int threadsPerShard) => device.type == DeviceType.CPU
        ? OfCpu(threadsPerShard)
        : new(Native.ComputeDevice.NameOf(device), "cuda", torch.__version__, threadsPerShard, CurrentArithmetic);

    /// <summary>The fingerprint of CPU lanes in this process.</summary>
    public static NumericFingerprint OfCpu(int threadsPerShard)
    {
        string information = File.Exists("/proc/cpuinfo") ? File.ReadAllText("/proc/cpuinfo") : "";
        string chosen = Environment.GetEnvironmentVariable("ATEN_CPU_CAPABILITY") is { Length: > 0 } set ? set.ToLowerInvariant() : InstructionsOf(Field(information, "flags"));
        return new(Field(information, "model name") is { Length: > 0 } model ? model : "unknown", Native.Blas.IsAvailable ? chosen : chosen + ", no sgemm", torch.__version__, threadsPerShard, CurrentArithmetic);
    }

    /// <summary>Where this one differs from another, as <c>name: there → here</c>; empty if they are equal.</summary>
    public IReadOnlyList<string> DifferencesFrom(NumericFingerprint there)
    {
        (string Name, string There, string Here)[] parts =
        [
            ("device", there.Device, Device), ("instructions", there.Instructions, Instructions),
            ("libtorch", there.LibTorch, LibTorch), ("threads per shard", $"{there.ThreadsPerShard}", $"{ThreadsPerShard}"),
            ("arithmetic", $"{there.Arithmetic}", $"{Arithmetic}"),
        ];
        return [.. parts.Where(part => part.There != part.Here).Select(part => $"{part.Name}: {part.There} → {part.Here}")];
    }

    /// <summary>Puts the fingerprint into a checkpoint.</summary>
    internal void WriteTo(string checkpoint) => File.WriteAllBytes(Path.Combine(checkpoint, FileName), JsonSerializer.SerializeToUtf8Bytes(this, StateJson.Options));

    /// <summary>The fingerprint of the process that wrote a checkpoint; null if it has none.</summary>
    internal static NumericFingerprint? ReadFrom(string checkpoint)
    {
        string path = Path.Combine(checkpoint, FileName);
        return File.Exists(path) ? JsonSerializer.Deserialize<NumericFingerprint>(File.ReadAllBytes(path), StateJson.Options) : null;
    }

    /// <summary>libtorch's rule: all of AVX512 F, BW, DQ and VL, else AVX2, each with FMA.</summary>
    internal static string InstructionsOf(string flags)
    {
        var set = flags.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet();
        bool Has(params ReadOnlySpan<string> names)
        {
            foreach (string name in names)
            {
                if (!set.Contains(name)) { return false; }
            }

            return true;
        }

        if (Has("avx512f", "avx512bw", "avx512dq", "avx512vl", "fma")) { return "avx512"; }
        return Has("avx2", "fma") ? "avx2" : "default";
    }

    private static string Field(string information, string name)
    {
        foreach (string line in information.Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && line[..colon].Trim() == name) { return line[(colon + 1)..].Trim(); }
        }

        return "";
    }
}
