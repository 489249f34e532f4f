using System.Diagnostics.Metrics;

namespace Ctwa.Silo.Hosting.Gpu;

/// <summary>
/// What the GPUs of this machine do, meter <c>Ctwa.Gpu</c>, by OpenTelemetry's names for hardware, told by every silo of all devices that the
/// driver shows it. Several silos on one machine tell of the same devices: take the largest by <c>hw.id</c>. Without the driver there is nothing.
/// </summary>
internal sealed class GpuMetrics : IDisposable
{
    /// <summary>Meter.</summary>
    public const string MeterName = "Ctwa.Gpu";

    private readonly Meter _meter = new(MeterName);
    private readonly (nint Device, KeyValuePair<string, object?>[] Labels)[] _devices;

    private GpuMetrics(NvmlLibrary nvml)
    {
        _devices = [.. nvml.Devices.Select((device, i) => (device, Labels(nvml, device, i)))];
        _meter.CreateObservableGauge<double>("hw.gpu.utilization", () => Each(nvml.Utilization), "1", "Share of time in which a kernel ran.");
        _meter.CreateObservableUpDownCounter<double>("hw.gpu.memory.usage", () => Each(device => nvml.Memory(device)?.Used), "By", "Device memory in use, by whomever.");
        _meter.CreateObservableUpDownCounter<double>("hw.gpu.memory.limit", () => Each(device => nvml.Memory(device)?.Total), "By", "Device memory.");
        _meter.CreateObservableGauge<double>("hw.power", () => Each(nvml.Power), "W", "Power that the device draws.");
        _meter.CreateObservableGauge<double>("hw.temperature", () => Each(nvml.Temperature), "Cel", "Temperature of the device.");
    }

    /// <summary>Begins to tell.</summary>
    /// <returns>Null: there is no library, or it finds no device.</returns>
    public static GpuMetrics? Start(string library = NvmlLibrary.DefaultName) => NvmlLibrary.Load(library) is { Devices.Count: > 0 } nvml ? new GpuMetrics(nvml) : null;

    public void Dispose() => _meter.Dispose();

    private static KeyValuePair<string, object?>[] Labels(NvmlLibrary nvml, nint device, int index) =>
        [new("hw.id", nvml.Uuid(device) ?? FormattableString.Invariant($"gpu-{index}")), new("hw.type", "gpu"), new("hw.name", nvml.Name(device) ?? "unknown")];

    private IEnumerable<Measurement<double>> Each(Func<nint, double?> read)
    {
        foreach (var (device, labels) in _devices)
        {
            if (read(device) is { } value) { yield return new(value, labels); }
        }
    }
}
