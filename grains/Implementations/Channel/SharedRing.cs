using System.IO.MemoryMappedFiles;
using System.Security.Cryptography;

namespace Ctwa.Grains.Channel;

/// <summary>
/// Memory that both ends of a connection see, because they run on one host: a file in <c>/dev/shm</c>, made by the server with mode 0600
/// under a random name, deleted as soon as the client has it open. Begins with 32 random bytes, by which the client proves that it is the
/// same memory and not a file of that name elsewhere.
/// </summary>
internal sealed class SharedRing : IDisposable
{
    public const int ProofBytes = 32;

    /// <summary>Where Linux keeps files in memory.</summary>
    public const string Folder = "/dev/shm";

    private const int HeadBytes = 4096;

    private readonly MemoryMappedFile _file;
    private readonly MemoryMappedViewAccessor _view;
    private readonly nint _address;
    private string? _path;

    private SharedRing(FileStream file, int slots, int slotBytes, string? path)
    {
        Slots = slots;
        SlotBytes = slotBytes;
        _path = path;
        _file = MemoryMappedFile.CreateFromFile(file, null, 0, MemoryMappedFileAccess.ReadWrite, HandleInheritability.None, leaveOpen: false);
        _view = _file.CreateViewAccessor();
        unsafe
        {
            byte* start = null;
            _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
            _address = (nint)start;
        }
    }

    public int Slots { get; }

    public int SlotBytes { get; }

    public Span<byte> Proof => UnmanagedBytes.At(_address, ProofBytes);

    public Span<byte> Slot(int index, int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)index, (uint)Slots);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)SlotBytes);
        return UnmanagedBytes.At(_address + HeadBytes + ((nint)index * SlotBytes), length);
    }

    /// <summary>Makes one.</summary>
    /// <returns>Null if there is no room, no <c>/dev/shm</c>, or it is not Linux.</returns>
    public static SharedRing? Create(UInt128 name, int slots, int slotBytes, string folder)
    {
        string path = Path(folder, name);
        if (!OperatingSystem.IsLinux()) { return null; }
        try
        {
            // Preallocated: a page that cannot be had when it is first written would end the process.
            var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0,
                PreallocationSize = Size(slots, slotBytes), UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            file.SetLength(Size(slots, slotBytes));
            var ring = new SharedRing(file, slots, slotBytes, path);
            RandomNumberGenerator.Fill(ring.Proof);
            return ring;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            Delete(path);
            return null;
        }
    }

    /// <summary>Opens the one that the server named.</summary>
    /// <returns>Null if it is not to be seen here, or has another size.</returns>
    public static SharedRing? Open(UInt128 name, int slots, int slotBytes, string folder)
    {
        if (slots is < 2 or > 16 || slotBytes is < 4096 or > 64 << 20) { return null; }
        try
        {
            var file = new FileStream(Path(folder, name), new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.ReadWrite, Share = FileShare.ReadWrite | FileShare.Delete, BufferSize = 0 });
            if (file.Length == Size(slots, slotBytes)) { return new SharedRing(file, slots, slotBytes, null); }
            file.Dispose();
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return null;
        }
    }

    /// <summary>Takes its name away; the memory lives while either end has it open.</summary>
    public void Unlink()
    {
        if (_path is { } path) { Delete(path); }
        _path = null;
    }

    public void Dispose()
    {
        Unlink();
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _file.Dispose();
    }

    private static string Path(string folder, UInt128 name) => System.IO.Path.Combine(folder, $"ctwa-channel-{name:x32}");

    private static long Size(int slots, int slotBytes) => HeadBytes + ((long)slots * slotBytes);

    private static void Delete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Gone, or never made.
        }
    }
}
