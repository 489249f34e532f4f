using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.Unicode;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>The values of one data page, one after another.</summary>
internal abstract class PageValues
{
    private const int Plain = 0, PlainDictionary = 2, RunLengths = 3, DeltaBinaryPacked = 5, DeltaLengthByteArray = 6, DeltaByteArray = 7, RunLengthDictionary = 8, ByteStreamSplit = 9;

    /// <exception cref="InvalidDataException">The page ends, or a value is damaged.</exception>
    public abstract DataValue Next();

    /// <param name="leaf">The column.</param>
    /// <param name="encoding">As the page's header names it.</param>
    /// <param name="data">The values' bytes.</param>
    /// <param name="count">Entries of the page: at most so many values.</param>
    /// <param name="dictionary">Entries of the column's dictionary page; null: there was none.</param>
    public static PageValues Of(ParquetNode leaf, int encoding, ReadOnlyMemory<byte> data, int count, DataValue[]? dictionary)
    {
        switch (encoding)
        {
            case Plain: return new PlainValues(leaf, data);
            case PlainDictionary or RunLengthDictionary:
                if (dictionary is null) { throw new InvalidDataException("a page refers to a dictionary that is not there"); }
                if (data.Length == 0) { return new DictionaryValues(dictionary, new RunReader(data, 1)); }
                int width = data.Span[0];
                return width <= 32 ? new DictionaryValues(dictionary, new RunReader(data[1..], width)) : throw new InvalidDataException($"dictionary indices of {width} bits");
            case RunLengths when leaf.Physical == ParquetPhysicalType.Boolean:
                if (data.Length < 4) { throw new InvalidDataException("the page ends before its booleans"); }
                return new BooleanValues(new RunReader(data[4..], 1));
            case DeltaBinaryPacked when leaf.Physical is ParquetPhysicalType.Int32 or ParquetPhysicalType.Int64:
                return new ListedValues(DeltaNumbers.Decode(data.Span, count, out _).Select(number => Integer(leaf, leaf.Physical == ParquetPhysicalType.Int32 ? (int)number : number)));
            case DeltaLengthByteArray when leaf.Physical == ParquetPhysicalType.ByteArray: return new DeltaTexts(leaf, data, count, prefixes: false);
            case DeltaByteArray when leaf.Physical == ParquetPhysicalType.ByteArray: return new DeltaTexts(leaf, data, count, prefixes: true);
            case ByteStreamSplit when WidthOf(leaf) is > 0 and var bytes: return new PlainValues(leaf, Joined(data.Span, bytes));
            default: throw new InvalidDataException($"values of type {leaf.TypeName} in encoding {encoding}, which this version does not read; write the column with plain or dictionary encoding");
        }
    }

    /// <summary>All entries of a dictionary page.</summary>
    public static DataValue[] Dictionary(ParquetNode leaf, ReadOnlyMemory<byte> data, int count)
    {
        // The smallest entry is a text's length of 4 bytes, or a fixed binary of one; a boolean has no dictionary.
        if (count < 0 || count > data.Length) { throw new InvalidDataException($"a dictionary of {count} entries in {data.Length} bytes"); }
        var plain = new PlainValues(leaf, data);
        var entries = new List<DataValue>();
        for (int i = 0; i < count; i++) { entries.Add(plain.Next()); }
        return [.. entries];
    }

    /// <summary>Bytes of a value of fixed size; 0: values differ in size.</summary>
    private static int WidthOf(ParquetNode leaf) => leaf.Physical switch
    {
        ParquetPhysicalType.Int32 or ParquetPhysicalType.Float => 4,
        ParquetPhysicalType.Int64 or ParquetPhysicalType.Double => 8,
        ParquetPhysicalType.FixedLengthByteArray => leaf.FixedLength,
        _ => 0,
    };

    /// <summary>Undoes the encoding that stores all first bytes, then all second bytes, and so on.</summary>
    private static byte[] Joined(ReadOnlySpan<byte> split, int width)
    {
        int count = split.Length / width;
        byte[] joined = new byte[count * width];
        for (int i = 0; i < joined.Length; i++) { joined[i] = split[(i % width * count) + (i / width)]; }
        return joined;
    }

    private static DataValue OfText(ParquetNode leaf, ReadOnlySpan<byte> bytes) => leaf.Content != ParquetContent.Text
        ? new DataValue.Other(leaf.TypeName)
        : Utf8.IsValid(bytes) ? new DataValue.Text(Encoding.UTF8.GetString(bytes))
        // Bytes without annotation may be an image; a column that calls itself text may not.
        : leaf.TypeName == "binary" ? new DataValue.Other($"{bytes.Length} bytes that are not UTF-8 text") : throw new InvalidDataException("a value is not UTF-8 text");

    private static DataValue Integer(ParquetNode leaf, long value) => leaf.Content == ParquetContent.Other ? new DataValue.Other(leaf.TypeName) : new DataValue.Number(leaf.Content == ParquetContent.Unsigned
        ? (leaf.Physical == ParquetPhysicalType.Int32 ? (uint)value : (ulong)value).ToString(CultureInfo.InvariantCulture)
        : value.ToString(CultureInfo.InvariantCulture));

    private sealed class PlainValues(ParquetNode leaf, ReadOnlyMemory<byte> data) : PageValues
    {
        private int _position;
        private int _bit;

        public override DataValue Next()
        {
            switch (leaf.Physical)
            {
                case ParquetPhysicalType.Boolean:
                    if (_bit >> 3 >= data.Length) { throw Ended(); }
                    return new DataValue.Truth((data.Span[_bit >> 3] >> (_bit++ & 7) & 1) == 1);
                case ParquetPhysicalType.Int32: return Integer(leaf, BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                case ParquetPhysicalType.Int64: return Integer(leaf, BinaryPrimitives.ReadInt64LittleEndian(Take(8)));
                case ParquetPhysicalType.Float: return new DataValue.Number(BinaryPrimitives.ReadSingleLittleEndian(Take(4)).ToString("R", CultureInfo.InvariantCulture));
                case ParquetPhysicalType.Double: return new DataValue.Number(BinaryPrimitives.ReadDoubleLittleEndian(Take(8)).ToString("R", CultureInfo.InvariantCulture));
                case ParquetPhysicalType.ByteArray:
                    uint length = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
                    return length <= data.Length - _position ? OfText(leaf, Take((int)length)) : throw new InvalidDataException($"a text of {length} bytes in a page with {data.Length - _position} left");
                default: return OfText(leaf, Take(leaf.Physical == ParquetPhysicalType.Int96 ? 12 : leaf.FixedLength));
            }
        }

        private ReadOnlySpan<byte> Take(int count)
        {
            if (data.Length - _position < count) { throw Ended(); }
            _position += count;
            return data.Span.Slice(_position - count, count);
        }
    }

    private sealed class DictionaryValues(DataValue[] dictionary, RunReader indices) : PageValues
    {
        public override DataValue Next()
        {
            uint index = indices.Next();
            return index < dictionary.Length ? dictionary[index] : throw new InvalidDataException($"entry {index} of a dictionary of {dictionary.Length}");
        }
    }

    private sealed class BooleanValues(RunReader values) : PageValues
    {
        public override DataValue Next() => new DataValue.Truth(values.Next() == 1);
    }

    private sealed class ListedValues(IEnumerable<DataValue> values) : PageValues
    {
        private readonly IEnumerator<DataValue> _values = values.GetEnumerator();

        public override DataValue Next() => _values.MoveNext() ? _values.Current : throw Ended();
    }

    /// <summary>Texts as lengths and bytes, or as what differs from the text before.</summary>
    private sealed class DeltaTexts : PageValues
    {
        // A few bytes can ask for a long text again and again.
        private const long MaxBytes = 256L << 20;

        private readonly ParquetNode _leaf;
        private readonly List<long>? _prefixes;
        private readonly List<long> _lengths;
        private readonly ReadOnlyMemory<byte> _bytes;
        private byte[] _last = [];
        private int _next, _position;
        private long _made;

        public DeltaTexts(ParquetNode leaf, ReadOnlyMemory<byte> data, int count, bool prefixes)
        {
            _leaf = leaf;
            if (prefixes)
            {
                _prefixes = DeltaNumbers.Decode(data.Span, count, out int used);
                data = data[used..];
            }

            _lengths = DeltaNumbers.Decode(data.Span, count, out int taken);
            if (_prefixes is not null && _prefixes.Count != _lengths.Count) { throw new InvalidDataException($"{_prefixes.Count} beginnings and {_lengths.Count} endings of texts"); }
            _bytes = data[taken..];
        }

        public override DataValue Next()
        {
            if (_next >= _lengths.Count) { throw Ended(); }
            long prefix = _prefixes?[_next] ?? 0, length = _lengths[_next++];
            if (length < 0 || length > _bytes.Length - _position || prefix < 0 || prefix > _last.Length) { throw new InvalidDataException($"a text of {prefix} repeated and {length} new bytes, after one of {_last.Length} and with {_bytes.Length - _position} left"); }
            if ((_made += prefix + length) > MaxBytes) { throw new InvalidDataException($"a page's texts have more than {MaxBytes >> 20} MiB"); }
            var suffix = _bytes.Span.Slice(_position, (int)length);
            _position += (int)length;
            if (_prefixes is null) { return OfText(_leaf, suffix); }
            _last = [.. _last.AsSpan(0, (int)prefix), .. suffix];
            return OfText(_leaf, _last);
        }
    }

    private static InvalidDataException Ended() => new("the page ends before its values");
}
