using System.Runtime.InteropServices;
using Ctwa.Grains.Channel;

namespace Ctwa.Bench.Channel;

/// <summary>64 MB outside the garbage collector, offered to everyone.</summary>
internal sealed unsafe class BenchTensor : ITensorSource
{
    public const int Bytes = 64 << 20;

    public BenchTensor()
    {
        Address = (nint)NativeMemory.AlignedAlloc(Bytes, 4096);
        var words = new Span<ulong>((void*)Address, Bytes / 8);
        for (int i = 0; i < words.Length; i++) { words[i] = (ulong)i * 0x9E3779B97F4A7C15UL; }
    }

    public nint Address { get; }

    public TensorLease Open(in TensorRequest request) => request.Offset == 0 && request.Length <= Bytes ? new TensorLease(Address, null) : throw new TensorRefusedException(TensorRefusal.OutOfRange, "beyond the tensor");

    /// <summary>Whether a destination holds what this tensor begins with.</summary>
    public bool IsCopied(nint destination, int length) => new ReadOnlySpan<byte>((void*)destination, length).SequenceEqual(new ReadOnlySpan<byte>((void*)Address, length));
}
