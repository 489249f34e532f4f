using System.Diagnostics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.GpuCheck;

/// <summary>Wall-clock times of device work, and the device's memory.</summary>
internal static partial class DeviceClock
{
    /// <summary>Runs an action and waits for the device.</summary>
    /// <returns>Seconds until the action returned (its work is then queued), and until the work was done.</returns>
    public static (double Queued, double Done) Time(Settings settings, Action action)
    {
        Wait(settings);
        long start = Stopwatch.GetTimestamp();
        action();
        double queued = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Wait(settings);
        return (queued, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    public static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[sorted.Length / 2 - 1] + sorted[sorted.Length / 2]) / 2;
    }

    /// <summary>
    /// Bytes in use on the device, by all processes and with the context; null on CPUs. libtorch's allocator gives nothing
    /// back unless it runs out, so at the end of a process this is the peak of what it reserved.
    /// </summary>
    public static double? MemoryInUse(Settings settings)
    {
        if (settings.Device != "cuda") { return null; }
        int status = GetMemory(out nuint free, out nuint total);
        return status == 0 ? total - free : throw new InvalidOperationException($"cuMemGetInfo failed with CUDA error {status}.");
    }

    private static void Wait(Settings settings)
    {
        if (settings.Device == "cuda") { cuda.synchronize(); }
    }

    // TorchSharp has no memory statistics. The driver's library has the same name with every version of CUDA.
    [LibraryImport("libcuda.so.1", EntryPoint = "cuMemGetInfo_v2")]
    private static partial int GetMemory(out nuint free, out nuint total);
}
