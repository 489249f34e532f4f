using System.Globalization;
using System.Text.RegularExpressions;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Native;

/// <summary>Chooses a device by its name, and says what is there.</summary>
public static partial class ComputeDevice
{
    /// <param name="name"><c>cpu</c>, <c>cuda</c>, <c>cuda:N</c>, or <c>auto</c>: a GPU if there is one, else the CPU.</param>
    /// <exception cref="ArgumentException">The name is none of these, or this libtorch finds no such device.</exception>
    public static Device Parse(string name)
    {
        if (name == "cpu") { return CPU; }
        if (name == "auto") { return cuda.is_available() ? new Device(DeviceType.CUDA, 0) : CPU; }
        var match = CudaName().Match(name);
        if (!match.Success) { throw new ArgumentException($"is '{name}'; accepted are auto, cpu, cuda and cuda:N, such as cuda:1."); }
        int index = match.Groups[1].Success ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
        int count = cuda.is_available() ? cuda.device_count() : 0;
        return index < count
            ? new Device(DeviceType.CUDA, index)
            : throw new ArgumentException($"is '{name}', but this libtorch finds {(count == 0 ? "no GPU: the packaged one is for CPUs (build with -p:TorchBackend=cuda or external), or the driver is missing" : $"{count} GPUs, cuda:0 to cuda:{count - 1}")}.");
    }

    /// <summary>The device's model, as its driver tells it.</summary>
    public static string NameOf(Device device)
    {
        if (device.type != DeviceType.CUDA) { return "cpu"; }
        const string drivers = "/proc/driver/nvidia/gpus";
        string[] gpus = Directory.Exists(drivers) ? [.. Directory.GetDirectories(drivers).Order(StringComparer.Ordinal)] : [];
        string? model = device.index >= 0 && device.index < gpus.Length
            ? File.ReadLines(Path.Combine(gpus[device.index], "information")).FirstOrDefault(line => line.StartsWith("Model:", StringComparison.Ordinal))
            : null;
        return model?["Model:".Length..].Trim() ?? "cuda";
    }

    [GeneratedRegex("^cuda(?::([0-9]{1,3}))?$", RegexOptions.CultureInvariant)]
    private static partial Regex CudaName();
}
