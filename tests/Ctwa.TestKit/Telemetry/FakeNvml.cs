using Ctwa.TestKit.Grid;
using Xunit;

namespace Ctwa.TestKit.Telemetry;

/// <summary>A library in the place of NVIDIA's: two devices, one of which has no thermometer.</summary>
public static class FakeNvml
{
    private const string Source = """
        #include <string.h>
        int nvmlInit_v2(void) { return 0; }
        int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return 0; }
        int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device) { *device = (void *)(long)(index + 1); return 0; }
        int nvmlDeviceGetUUID(void *device, char *text, unsigned length) { strncpy(text, device == (void *)1 ? "GPU-a" : "GPU-b", length); return 0; }
        int nvmlDeviceGetName(void *device, char *text, unsigned length) { strncpy(text, "Fake H100", length); return 0; }
        int nvmlDeviceGetUtilizationRates(void *device, unsigned *rates) { rates[0] = 73; rates[1] = 20; return 0; }
        int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) { memory[0] = 85899345920ull; memory[2] = 42949672960ull; memory[1] = memory[0] - memory[2]; return 0; }
        int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { *milliwatts = 512345; return 0; }
        int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { if (device == (void *)2) { return 3; } *degrees = 61; return 0; }
        """;

    /// <summary>Builds it into a folder; skips the running test where there is no C compiler.</summary>
    /// <param name="folder">Gets the library.</param>
    /// <param name="without">Functions that it lacks, as an old driver's does.</param>
    /// <returns>Path of the library.</returns>
    public static async Task<string> BuildAsync(string folder, params IReadOnlyList<string> without)
    {
        Assert.SkipWhen(Programs.Find("gcc") is null, "gcc is not installed, and the test builds a library in the place of NVIDIA's.");
        Directory.CreateDirectory(folder);
        string source = Path.Combine(folder, "nvml.c"), library = Path.Combine(folder, "libnvidia-ml.so.1");
        await File.WriteAllLinesAsync(source, Source.Split('\n').Where(line => !without.Any(function => line.Contains(function + "(", StringComparison.Ordinal))));
        await Programs.MustRunAsync("gcc", "-shared", "-fPIC", "-w", "-o", library, source);
        return library;
    }
}
