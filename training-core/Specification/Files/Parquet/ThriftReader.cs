using System.Text;

namespace Ctwa.Training.Specification;

/// <summary>
/// Reads Thrift's compact protocol, in which parquet writes its metadata, from bytes that nobody vouches for: it never reads
/// past them, believes no length before it has compared it with what is left, and nests no deeper than <see cref="MaxDepth"/>.
/// </summary>
/// <param name="bytes">The metadata, or the beginning of it.</param>
/// <param name="origin">Place of the first byte in the file, for messages.</param>
/// <param name="partial">More bytes follow in the file: running out of them is <see cref="EndOfStreamException"/>, not damage.</param>
internal ref struct ThriftReader(ReadOnlySpan<byte> bytes, long origin, bool partial = false)
{
    public const int MaxDepth = 32;

    public const byte True = 1, False = 2, Int8 = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    private readonly ReadOnlySpan<byte> _bytes = bytes;

    /// <summary>Bytes read.</summary>
    public int Position { get; private set; }

    private readonly int Left => _bytes.Length - Position;

    /// <summary>The next field's header; false at the end of the struct.</summary>
    /// <param name="id">The previous field's number (0 before the first) and then this one's.</param>
    public bool Field(ref int id, out byte type)
    {
        byte header = Byte();
        type = (byte)(header & 0x0F);
        if (header == 0) { return false; }
        int delta = header >> 4;
        id = delta == 0 ? Int() : id + delta;
        return type is >= True and <= Struct ? true : throw Bad($"has a field of the unknown type {type}");
    }

    /// <summary>Size and element type of a list; every element takes at least a byte, so the size is bounded by what is left.</summary>
    public int ListHeader(out byte type)
    {
        byte header = Byte();
        type = (byte)(header & 0x0F);
        ulong size = header >> 4 == 15 ? Varint() : (ulong)(header >> 4);
        if (size > (ulong)Left)
        {
            if (partial && size <= int.MaxValue) { throw new EndOfStreamException(); }
            throw Bad($"has a list of {size} elements in {Left} bytes");
        }

        return (int)size;
    }

    public byte Byte()
    {
        if (Left < 1) { throw End(); }
        return _bytes[Position++];
    }

    /// <summary>A signed integer of any width.</summary>
    public long Long()
    {
        ulong value = Varint();
        return (long)(value >> 1) ^ -(long)(value & 1);
    }

    /// <summary>A signed integer of 32 bits.</summary>
    public int Int()
    {
        long value = Long();
        return value is >= int.MinValue and <= int.MaxValue ? (int)value : throw Bad($"has the number {value} where 32 bits are meant");
    }

    /// <summary>The bytes of a string or binary.</summary>
    public ReadOnlySpan<byte> Blob()
    {
        ulong length = Varint();
        if (length > (ulong)Left)
        {
            if (partial && length <= int.MaxValue) { throw new EndOfStreamException(); }
            throw Bad($"has a text of {length} bytes in {Left}");
        }

        Position += (int)length;
        return _bytes.Slice(Position - (int)length, (int)length);
    }

    /// <summary>A string; damaged UTF-8 is refused.</summary>
    public string Text()
    {
        var blob = Blob();
        return System.Text.Unicode.Utf8.IsValid(blob) ? Encoding.UTF8.GetString(blob) : throw Bad("has a name that is not UTF-8");
    }

    /// <summary>Passes over a field's value.</summary>
    public void Skip(byte type, int depth = 0)
    {
        if (depth > MaxDepth) { throw Bad($"is nested deeper than {MaxDepth} levels"); }
        switch (type)
        {
            case True or False: break;
            case Int8: Byte(); break;
            case Int16 or Int32 or Int64: Varint(); break;
            case Double: Pass(8); break;
            case Binary: Blob(); break;
            case List or Set: SkipList(depth); break;
            case Map: SkipMap(depth); break;
            case Struct:
                int id = 0;
                while (Field(ref id, out byte inner)) { Skip(inner, depth + 1); }
                break;
            default: throw Bad($"has a value of the unknown type {type}");
        }
    }

    /// <summary>An error at the present place.</summary>
    public readonly InvalidDataException Bad(string what) => new($"the metadata {what} (at byte {origin + Position})");

    private void SkipList(int depth)
    {
        int size = ListHeader(out byte type);
        for (int i = 0; i < size; i++) { SkipElement(type, depth); }
    }

    private void SkipMap(int depth)
    {
        ulong size = Varint();
        if (size == 0) { return; }
        byte types = Byte();
        for (ulong i = 0; i < size; i++)
        {
            SkipElement((byte)(types >> 4), depth);
            SkipElement((byte)(types & 0x0F), depth);
        }
    }

    // A boolean has its value in a field's header, but is a byte of its own inside a list or map.
    private void SkipElement(byte type, int depth)
    {
        if (type is True or False) { Byte(); }
        else { Skip(type, depth + 1); }
    }

    private void Pass(int count)
    {
        if (Left < count) { throw End(); }
        Position += count;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Byte();
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) { return value; }
        }

        throw Bad("has a number of more than 64 bits");
    }

    private readonly Exception End() => partial ? new EndOfStreamException() : Bad("ends in the middle of a value");
}
