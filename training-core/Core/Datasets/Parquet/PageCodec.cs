using System.IO.Compression;
using Snappier;

namespace Ctwa.Training.Datasets.Parquet;

/// <summary>Decompresses pages into a buffer whose size has been checked; nothing is allocated by what the compressed data claims.</summary>
internal static class PageCodec
{
    private const int None = 0, SnappyCodec = 1, GZip = 2, Lzo = 3, Brotli = 4, Lz4 = 5, Zstandard = 6, Lz4Raw = 7;

    /// <summary>Largest page that is read; writers make pages of about 1 MiB.</summary>
    public const int MaxPageBytes = 256 << 20;

    /// <summary>Unpacks one page or part of one.</summary>
    /// <param name="codec">As the footer numbers it.</param>
    /// <param name="compressed">The bytes in the file.</param>
    /// <param name="size">Their size unpacked, as the page's header says.</param>
    /// <exception cref="InvalidDataException">The bytes do not unpack to that size, or the codec is not known.</exception>
    public static ReadOnlyMemory<byte> Unpack(int codec, ReadOnlyMemory<byte> compressed, int size)
    {
        if (size is < 0 or > MaxPageBytes) { throw new InvalidDataException($"a page of {size} bytes; at most {MaxPageBytes} are read"); }
        if (codec == None) { return compressed.Length == size ? compressed : throw new InvalidDataException($"an uncompressed page of {size} bytes has {compressed.Length} in the file"); }
        if (size == 0) { return ReadOnlyMemory<byte>.Empty; }
        // The most that each format can make of a byte: a longer claim is forged.
        long most = codec switch { SnappyCodec => 64, GZip => 1_040, _ => 64 << 10 };
        if (size > (compressed.Length + 16L) * most) { throw new InvalidDataException($"a page of {size} bytes packed in {compressed.Length}"); }
        byte[] target = new byte[size];
        int written;
        try
        {
            written = codec switch
            {
                SnappyCodec => Snappy.Decompress(compressed.Span, target),
                GZip => FromStream(compressed, target, source => new GZipStream(source, CompressionMode.Decompress)),
                Brotli => FromStream(compressed, target, source => new BrotliStream(source, CompressionMode.Decompress)),
                Zstandard => FromZstandard(compressed.Span, target),
                _ => throw new InvalidDataException($"compression '{Name(codec)}', which this version does not read; write the file with snappy, gzip, zstd, brotli or none"),
            };
        }
        catch (Exception failure) when (failure is not (InvalidDataException or OutOfMemoryException))
        {
            throw new InvalidDataException($"{Name(codec)} data is damaged: {failure.Message.TrimEnd('.')}", failure);
        }

        return written == size ? target : throw new InvalidDataException($"a page of {size} bytes unpacks to {written}");
    }

    /// <summary>The codec's name.</summary>
    public static string Name(int codec) => codec switch
    {
        None => "none",
        SnappyCodec => "snappy",
        GZip => "gzip",
        Lzo => "lzo",
        Brotli => "brotli",
        Lz4 => "lz4",
        Zstandard => "zstd",
        Lz4Raw => "lz4_raw",
        _ => $"number {codec}",
    };

    private static int FromZstandard(ReadOnlySpan<byte> compressed, byte[] target)
    {
        using var decompressor = new ZstdSharp.Decompressor();
        return decompressor.Unwrap(compressed, target);
    }

    private static int FromStream(ReadOnlyMemory<byte> compressed, byte[] target, Func<Stream, Stream> open)
    {
        using var stream = open(new MemoryStream(compressed.ToArray(), writable: false));
        int written = stream.ReadAtLeast(target, target.Length, throwOnEndOfStream: false);
        return written < target.Length || stream.ReadByte() < 0 ? written : throw new InvalidDataException($"a page of {target.Length} bytes unpacks to more");
    }
}
