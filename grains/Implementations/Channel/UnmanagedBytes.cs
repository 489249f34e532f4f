using System.IO.Hashing;

namespace Ctwa.Grains.Channel;

/// <summary>Spans over memory that the garbage collector does not own.</summary>
internal static class UnmanagedBytes
{
    public static unsafe Span<byte> At(nint address, int length) => new((void*)address, length);

    /// <summary>xxh3 of a piece, which both ends compute.</summary>
    public static ulong Checksum(ReadOnlySpan<byte> bytes) => XxHash3.HashToUInt64(bytes);
}
