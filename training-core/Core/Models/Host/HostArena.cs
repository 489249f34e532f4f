using System.Runtime.InteropServices;

namespace Ctwa.Training.Models.Host;

/// <summary>
/// Memory of one lane's forward and backward passes: taken from the front, all of it given back at once. It grows to what the largest pass needs and keeps that, so
/// that no page is touched for the first time but once. Every piece starts at a multiple of 64 bytes (invariant I1).
/// </summary>
internal sealed unsafe class HostArena : IDisposable
{
    private const nuint Alignment = 64;

    private readonly Stack<(nuint Start, nint Block)> _apart = [];
    private byte* _memory;
    private nuint _size, _used, _wanted;

    /// <summary>Begins a pass: everything taken before is free.</summary>
    public void Reset()
    {
        Return(default);
        if (_wanted > _size)
        {
            NativeMemory.AlignedFree(_memory);
            _memory = (byte*)NativeMemory.AlignedAlloc(_wanted, Alignment);
            _size = _wanted;
        }

        _wanted = 0;
    }

    /// <summary>Elements that are not initialised; valid until the next <see cref="Reset"/>.</summary>
    public float* Take(long count) => (float*)Bytes((nuint)count * sizeof(float));

    /// <summary>Elements that are 0.</summary>
    public float* TakeZeros(long count)
    {
        float* taken = Take(count);
        NativeMemory.Clear(taken, (nuint)count * sizeof(float));
        return taken;
    }

    /// <summary>The same for integers.</summary>
    public int* TakeIntegers(long count) => (int*)Bytes((nuint)count * sizeof(int));

    /// <summary>Where the next piece begins: what is taken from here on can be given back by <see cref="Return"/>.</summary>
    public Mark Here => new(_used);

    /// <summary>Gives back what was taken since a mark.</summary>
    public void Return(Mark mark)
    {
        _used = Math.Min(_used, mark.Used);
        // Pieces that had to be taken elsewhere are not kept either: a first pass needs no more memory than those after it.
        while (_apart.TryPeek(out var last) && last.Start >= _used) { NativeMemory.AlignedFree((void*)_apart.Pop().Block); }
    }

    public void Dispose()
    {
        Reset();
        NativeMemory.AlignedFree(_memory);
        _memory = null;
        _size = 0;
    }

    /// <summary>A place in the arena.</summary>
    internal readonly record struct Mark(nuint Used);

    private void* Bytes(nuint bytes)
    {
        bytes = (bytes + Alignment - 1) & ~(Alignment - 1);
        // Vectors may run over the end by less than this.
        bytes += Alignment;
        nuint start = _used, end = start + bytes;
        _wanted = Math.Max(_wanted, end);
        if (end <= _size)
        {
            void* taken = _memory + start;
            _used = end;
            return taken;
        }

        // Does not fit this time: the next pass finds room for all of it.
        _used = end;
        void* apart = NativeMemory.AlignedAlloc(bytes, Alignment);
        _apart.Push((start, (nint)apart));
        return apart;
    }
}
