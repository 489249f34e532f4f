using System.Diagnostics.Metrics;
using System.Globalization;
using Ctwa.Silo.Hosting.Gpu;
using Ctwa.TestKit.Telemetry;
using Xunit;

namespace Ctwa.Silo.Tests.Hosting.Telemetry;

/// <summary>GPU metrics with a library in the place of NVIDIA's.</summary>
public sealed class GpuMetricsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-nvml-").FullName;

    [Fact]
    public async Task Every_sensor_of_every_device_is_told_and_one_that_fails_is_left_out()
    {
        string library = await FakeNvml.BuildAsync(_folder);
        using var gpus = GpuMetrics.Start(library);
        Assert.NotNull(gpus);
        Assert.Equal(
            [
                "hw.gpu.memory.limit By GPU-a 85899345920", "hw.gpu.memory.limit By GPU-b 85899345920", "hw.gpu.memory.usage By GPU-a 42949672960", "hw.gpu.memory.usage By GPU-b 42949672960",
                "hw.gpu.utilization 1 GPU-a 0.73", "hw.gpu.utilization 1 GPU-b 0.73", "hw.power W GPU-a 512.345", "hw.power W GPU-b 512.345", "hw.temperature Cel GPU-a 61",
            ],
            Collect());
    }

    [Fact]
    public async Task A_library_without_some_functions_tells_what_it_has()
    {
        string library = await FakeNvml.BuildAsync(_folder, without: ["nvmlDeviceGetPowerUsage", "nvmlDeviceGetName", "nvmlDeviceGetUUID"]);
        using var gpus = GpuMetrics.Start(library);
        string[] told = Collect();
        Assert.DoesNotContain(told, line => line.StartsWith("hw.power", StringComparison.Ordinal));
        Assert.Contains("hw.temperature Cel gpu-0 61", told);
    }

    [Fact]
    public void Without_the_library_there_is_nothing()
    {
        Assert.Null(GpuMetrics.Start("libctwa-no-such-library.so.1"));
        Assert.Empty(Collect());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string[] Collect()
    {
        var lines = new List<string>();
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listening) =>
            {
                if (instrument.Meter.Name == GpuMetrics.MeterName) { listening.EnableMeasurementEvents(instrument); }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) =>
        {
            Assert.Contains(new("hw.type", "gpu"), labels.ToArray());
            lines.Add(string.Create(CultureInfo.InvariantCulture, $"{instrument.Name} {instrument.Unit} {labels[0].Value} {value}"));
        });
        listener.Start();
        listener.RecordObservableInstruments();
        return [.. lines.Order(StringComparer.Ordinal)];
    }
}
