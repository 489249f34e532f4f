using System.Globalization;
using System.Reflection;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Training.Steps;
using Orleans.Runtime;
using TorchSharp;

namespace Ctwa.Grains.Hosting;

/// <summary>What this silo knows about itself: declared when it starts, completed by whoever serves tensors, and changed when it leaves. Safe for several threads.</summary>
public sealed class SiloSelf
{
    private volatile EndPointName _channel = new("", 0);
    private volatile bool _draining;

    /// <summary>May hold shards and slices.</summary>
    public bool Computes { get; init; } = true;

    /// <summary><c>cpu</c> or <c>cuda</c>.</summary>
    public string DeviceKind { get; init; } = "cpu";

    /// <summary>Kind and model, such as <c>cuda NVIDIA H100 80GB HBM3</c>.</summary>
    public string Device { get; init; } = "cpu";

    /// <summary>Compute lanes per job.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>Memory of the devices that models compute on, or of the machine.</summary>
    public long MemoryBytes { get; init; }

    /// <summary>What decides the bits here, apart from the threads per shard, which are the job's.</summary>
    public string Fingerprint { get; init; } = "";

    /// <summary>When this object was made, which is when the silo began.</summary>
    public DateTimeOffset StartedAt { get; init; } = TimeProvider.System.GetUtcNow();

    /// <summary>Version of this program.</summary>
    public string Version { get; init; } = typeof(SiloSelf).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    /// <summary>It is leaving: no new work.</summary>
    public bool Draining => _draining;

    /// <summary>Where it serves tensors; port 0: not yet.</summary>
    public (string Host, int Port) Channel => (_channel.Host, _channel.Port);

    /// <summary>A silo with these devices.</summary>
    /// <param name="options">What it lends to jobs.</param>
    /// <param name="computes">May hold shards and slices.</param>
    /// <param name="memoryBytes">Declared memory; null: as measured.</param>
    public static SiloSelf Of(SiloComputeOptions options, bool computes = true, long? memoryBytes = null)
    {
        var first = options.Devices.Count > 0 ? options.Devices[0] : torch.CPU;
        var fingerprint = NumericFingerprint.Of(first, threadsPerShard: 1);
        string kind = first.type == DeviceType.CUDA ? "cuda" : "cpu";
        return new SiloSelf
        {
            Computes = computes,
            DeviceKind = kind,
            Device = kind + " " + fingerprint.Device,
            Lanes = options.Lanes,
            MemoryBytes = memoryBytes ?? DeviceMemory.Measure(options.Devices),
            Fingerprint = $"{fingerprint.Device}; {fingerprint.Instructions}; libtorch {fingerprint.LibTorch}",
        };
    }

    /// <summary>Says where tensors are served.</summary>
    public void ServeTensorsAt(string host, int port) => _channel = new EndPointName(host, port);

    /// <summary>From now on no new work is planned here.</summary>
    public void BeginDraining() => _draining = true;

    /// <summary>This silo as coordinators see it.</summary>
    public SiloDescription Describe(SiloAddress address) =>
        new(address.ToParsableString(), Computes, Device, Lanes, MemoryBytes, _channel.Host, _channel.Port, Fingerprint, _draining) { StartedAt = StartedAt, Version = Version };

    /// <summary>The parts that never change, for placement.</summary>
    public Dictionary<string, string> Metadata() => new(StringComparer.Ordinal)
    {
        [SiloMetadataKeys.Device] = DeviceKind,
        [SiloMetadataKeys.Memory] = MemoryBytes.ToString(CultureInfo.InvariantCulture),
        [SiloMetadataKeys.Lanes] = Lanes.ToString(CultureInfo.InvariantCulture),
        [SiloMetadataKeys.Role] = Computes ? SiloMetadataKeys.ComputeRole : SiloMetadataKeys.ControlRole,
    };

    private sealed record EndPointName(string Host, int Port);
}

/// <summary>Names of a silo's metadata, by which grains can be placed.</summary>
public static class SiloMetadataKeys
{
    /// <summary><c>cpu</c> or <c>cuda</c>.</summary>
    public const string Device = "ctwa.device";

    /// <summary>Bytes.</summary>
    public const string Memory = "ctwa.memory";

    /// <summary>Number of lanes.</summary>
    public const string Lanes = "ctwa.lanes";

    /// <summary><see cref="ComputeRole"/> or <see cref="ControlRole"/>.</summary>
    public const string Role = "ctwa.role";

    /// <summary>Holds shards and slices.</summary>
    public const string ComputeRole = "compute";

    /// <summary>Coordinators and rewards only.</summary>
    public const string ControlRole = "control";
}
