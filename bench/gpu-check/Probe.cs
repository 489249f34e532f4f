using System.Text.Json.Nodes;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>Loads libtorch, says which, and multiplies two matrices on the device.</summary>
internal static class Probe
{
    public static void Run(Settings settings, Records records)
    {
        if (settings.Device == "cuda") { InitializeDeviceType(DeviceType.CUDA); }
        using var scope = NewDisposeScope();
        const int Size = 512;
        var left = rand(Size, Size, device: settings.TorchDevice);
        var right = rand(Size, Size, device: settings.TorchDevice);
        double difference = (left.mm(right).cpu().to(float64) - left.cpu().to(float64).mm(right.cpu().to(float64))).abs().max().item<double>();
        records.Add(new JsonObject
        {
            ["part"] = "probe", ["who"] = "ctwa", ["torchsharp"] = typeof(torch).Assembly.GetName().Version!.ToString(3), ["built_for_libtorch"] = torch.__version__,
            ["libraries"] = new JsonArray([.. Libraries().Select(path => (JsonNode)path)]), ["cuda"] = cuda.is_available(), ["devices"] = cuda.device_count(),
            ["mm_largest_difference"] = difference, ["runtime"] = System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription,
            ["memory_in_use"] = DeviceClock.MemoryInUse(settings),
        });
        if (!(difference < 1e-2)) { throw new InvalidOperationException($"a {Size}×{Size} product differs by {difference} from the CPU's."); }
    }

    /// <summary>Files of libtorch that this process has mapped.</summary>
    private static IEnumerable<string> Libraries() => File.ReadLines("/proc/self/maps")
        .Select(line => line[(line.LastIndexOf(' ') + 1)..]).Where(path => path.Contains("torch", StringComparison.OrdinalIgnoreCase) && path.Contains(".so", StringComparison.Ordinal)).Distinct();
}
