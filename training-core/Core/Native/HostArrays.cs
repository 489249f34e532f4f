using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Native;

/// <summary>
/// Arrays as tensors of a device. To a GPU they go through pinned memory, so that the copy runs beside the host, which goes on at
/// once; the allocator of pinned memory keeps it until the copy is done. On a CPU they are plain tensors.
/// </summary>
internal static class HostArrays
{
    /// <summary>int64, of the given shape; without one a vector.</summary>
    public static Tensor Place(this Device device, long[] values, params long[] shape) => Move(device, tensor(values, Shape(values, shape)));

    /// <summary>float32.</summary>
    public static Tensor Place(this Device device, float[] values, params long[] shape) => Move(device, tensor(values, Shape(values, shape)));

    /// <summary>float64.</summary>
    public static Tensor Place(this Device device, double[] values, params long[] shape) => Move(device, tensor(values, Shape(values, shape)));

    /// <summary>bool.</summary>
    public static Tensor Place(this Device device, bool[] values, params long[] shape) => Move(device, tensor(values, Shape(values, shape)));

    private static long[] Shape(Array values, long[] shape) => shape.Length == 0 ? [values.Length] : shape;

    private static Tensor Move(Device device, Tensor host)
    {
        if (device.type != DeviceType.CUDA) { return host; }
        using (host)
        using (var pinned = host.pin_memory())
        {
            return pinned.to(device, non_blocking: true);
        }
    }
}
