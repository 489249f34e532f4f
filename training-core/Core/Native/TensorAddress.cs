using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Native;

/// <summary>Where a tensor's elements lie, for those who copy them past libtorch: between silos, and into hashes.</summary>
public static class TensorAddress
{
    /// <summary>Address of the first element of a contiguous tensor in the host's memory; valid while the tensor lives.</summary>
    /// <exception cref="ArgumentException">It is empty, or on another device.</exception>
    public static unsafe nint Of(Tensor tensor)
    {
        if (tensor.NumberOfElements == 0) { throw new ArgumentException("an empty tensor has no address.", nameof(tensor)); }
        if (tensor.device_type != DeviceType.CPU) { throw new ArgumentException($"a tensor on {tensor.device_type} has no address in the host's memory.", nameof(tensor)); }
        // Spans end at 2 GB; the first element's is enough.
        using var scope = NewDisposeScope();
        return (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(tensor.narrow(0, 0, 1).bytes));
    }

    /// <summary>xxh3 of a contiguous tensor's bytes; of another device's after a copy.</summary>
    public static unsafe ulong Hash(Tensor tensor)
    {
        if (tensor.NumberOfElements == 0) { return 0; }
        using var scope = NewDisposeScope();
        var host = tensor.cpu();
        long length = host.NumberOfElements * host.ElementSize;
        byte* first = (byte*)Of(host);
        const int piece = 1 << 30;
        if (length <= piece) { return System.IO.Hashing.XxHash3.HashToUInt64(new ReadOnlySpan<byte>(first, (int)length)); }
        var hash = new System.IO.Hashing.XxHash3();
        for (long at = 0; at < length; at += piece) { hash.Append(new ReadOnlySpan<byte>(first + at, (int)Math.Min(piece, length - at))); }
        return hash.GetCurrentHashAsUInt64();
    }
}
