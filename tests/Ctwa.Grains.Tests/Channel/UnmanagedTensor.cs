using System.Runtime.InteropServices;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>Bytes outside the garbage collector's reach, as libtorch's are.</summary>
internal sealed unsafe class UnmanagedTensor : IDisposable
{
    public UnmanagedTensor(long length)
    {
        Length = length;
        Address = (nint)NativeMemory.AllocZeroed((nuint)Math.Max(1, length));
    }

    public nint Address { get; private set; }

    public long Length { get; }

    public Span<byte> Bytes => new((void*)Address, checked((int)Length));

    /// <summary>Filled by a small congruential generator: the same seed gives the same bytes.</summary>
    public static UnmanagedTensor Filled(long length, ulong seed)
    {
        var tensor = new UnmanagedTensor(length);
        foreach (ref byte value in tensor.Bytes)
        {
            seed = (seed * 6364136223846793005UL) + 1442695040888963407UL;
            value = (byte)(seed >> 56);
        }

        return tensor;
    }

    public void Dispose()
    {
        NativeMemory.Free((void*)Address);
        Address = 0;
    }
}
