using System.Runtime.InteropServices;
using System.Text;

namespace Ctwa.Silo.Hosting.Gpu;

/// <summary>
/// The few functions of NVIDIA's management library that metrics need (NVML API reference, functions of the same names). What a driver does not
/// have, or a device does not measure, is null.
/// </summary>
internal sealed unsafe class NvmlLibrary
{
    /// <summary>Name that the driver installs it by.</summary>
    public const string DefaultName = "libnvidia-ml.so.1";

    private const int LongestText = 96;

    // A machine has 8 or 16; what a broken library says must not be believed without end.
    private const uint MostDevices = 256;

    private const int GpuSensor = 0;

    private readonly nint _library;
    private readonly delegate* unmanaged<nint, byte*, uint, int> _uuid, _name;
    private readonly delegate* unmanaged<nint, uint*, int> _utilization, _power;
    private readonly delegate* unmanaged<nint, ulong*, int> _memory;
    private readonly delegate* unmanaged<nint, int, uint*, int> _temperature;

    private NvmlLibrary(nint library)
    {
        _library = library;
        _uuid = (delegate* unmanaged<nint, byte*, uint, int>)Find("nvmlDeviceGetUUID");
        _name = (delegate* unmanaged<nint, byte*, uint, int>)Find("nvmlDeviceGetName");
        _utilization = (delegate* unmanaged<nint, uint*, int>)Find("nvmlDeviceGetUtilizationRates");
        _power = (delegate* unmanaged<nint, uint*, int>)Find("nvmlDeviceGetPowerUsage");
        _memory = (delegate* unmanaged<nint, ulong*, int>)Find("nvmlDeviceGetMemoryInfo");
        _temperature = (delegate* unmanaged<nint, int, uint*, int>)Find("nvmlDeviceGetTemperature");
    }

    /// <summary>The devices that the driver shows to this process.</summary>
    public IReadOnlyList<nint> Devices { get; private set; } = [];

    /// <returns>Null: there is no such library, or it does not work here.</returns>
    public static NvmlLibrary? Load(string name = DefaultName)
    {
        if (!NativeLibrary.TryLoad(name, out nint handle)) { return null; }
        var library = new NvmlLibrary(handle);
        var begin = (delegate* unmanaged<int>)library.Find("nvmlInit_v2");
        var count = (delegate* unmanaged<uint*, int>)library.Find("nvmlDeviceGetCount_v2");
        var byIndex = (delegate* unmanaged<uint, nint*, int>)library.Find("nvmlDeviceGetHandleByIndex_v2");
        uint devices = 0;
        if (begin is null || count is null || byIndex is null || begin() != 0 || count(&devices) != 0) { return null; }
        var found = new List<nint>();
        for (uint i = 0; i < Math.Min(devices, MostDevices); i++)
        {
            nint device;
            if (byIndex(i, &device) == 0) { found.Add(device); }
        }

        library.Devices = found;
        return library;
    }

    /// <summary>Identity that stays over restarts, such as <c>GPU-8a56…</c>.</summary>
    public string? Uuid(nint device) => Text(_uuid, device);

    /// <summary>Model, such as <c>NVIDIA H100 80GB HBM3</c>.</summary>
    public string? Name(nint device) => Text(_name, device);

    /// <summary>Share of the last sample period in which a kernel ran, 0 to 1.</summary>
    public double? Utilization(nint device)
    {
        uint* rates = stackalloc uint[2];
        return _utilization is not null && _utilization(device, rates) == 0 ? rates[0] / 100.0 : null;
    }

    /// <summary>Bytes in use, and in all.</summary>
    public (double Used, double Total)? Memory(nint device)
    {
        ulong* memory = stackalloc ulong[3];
        return _memory is not null && _memory(device, memory) == 0 ? (memory[2], memory[0]) : null;
    }

    /// <summary>Watts.</summary>
    public double? Power(nint device)
    {
        uint milliwatts;
        return _power is not null && _power(device, &milliwatts) == 0 ? milliwatts / 1000.0 : null;
    }

    /// <summary>Degrees Celsius.</summary>
    public double? Temperature(nint device)
    {
        uint degrees;
        return _temperature is not null && _temperature(device, GpuSensor, &degrees) == 0 ? degrees : null;
    }

    private static string? Text(delegate* unmanaged<nint, byte*, uint, int> read, nint device)
    {
        byte* text = stackalloc byte[LongestText];
        new Span<byte>(text, LongestText).Clear();
        if (read is null || read(device, text, LongestText) != 0) { return null; }
        var bytes = new ReadOnlySpan<byte>(text, LongestText);
        return Encoding.UTF8.GetString(bytes[..(bytes.IndexOf((byte)0) is var end && end < 0 ? LongestText : end)]);
    }

    private void* Find(string function) => NativeLibrary.TryGetExport(_library, function, out nint address) ? (void*)address : null;
}
