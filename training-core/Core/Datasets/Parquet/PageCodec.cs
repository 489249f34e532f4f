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
        try
        {
            return codec switch
            {
                SnappyCodec => FromSnappy(compressed.Span, size),
                GZip => FromStream(compressed, size, source => new GZipStream(source, CompressionMode.Decompress)),
                Brotli => FromStream(compressed, size, source => new BrotliStream(source, CompressionMode.Decompress)),
                Zstandard => FromZstandard(compressed.Span, size),
                _ => throw new InvalidDataException($"compression '{Name(codec)}', which this version does not read; write the file with snappy, gzip, zstd, brotli or none"),
            };
        }
        catch (Exception failure) when (failure is not (InvalidDataException or OutOfMemoryException))
        {
            throw new InvalidDataException($"{Name(codec)} data is damaged: {failure.Message.TrimEnd('.')}", failure);
        }
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

    // A byte of these formats can stand for many, so the size in the header is no bound on what a forged page would have
    // allocated: buffers grow with what really comes out.
    private static int First(int packed, int size) => (int)Math.Min(size, Math.Max(1 << 20, 16L * packed));

    private static int Grown(int length, int size) => (int)Math.Min(size, 8L * length);

    private static byte[] FromSnappy(ReadOnlySpan<byte> compressed, int size)
    {
        int length = Snappy.GetUncompressedLength(compressed);
        if (length != size) { throw Differs(size, length); }
        byte[] target = new byte[size];
        return Snappy.Decompress(compressed, target) is var written && written == size ? target : throw Differs(size, written);
    }

    private static byte[] FromZstandard(ReadOnlySpan<byte> compressed, int size)
    {
        using var decompressor = new ZstdSharp.Decompressor();
        for (byte[] target = new byte[First(compressed.Length, size)]; ; target = new byte[Grown(target.Length, size)])
        {
            int written;
            try { written = decompressor.Unwrap(compressed, target); }
            catch (ZstdSharp.ZstdException e) when (e.Code == ZstdSharp.Unsafe.ZSTD_ErrorCode.ZSTD_error_dstSize_tooSmall && target.Length < size) { continue; }
            return written == size ? target : throw Differs(size, written);
        }
    }

    private static byte[] FromStream(ReadOnlyMemory<byte> compressed, int size, Func<Stream, Stream> open)
    {
        using var stream = open(new MemoryStream(compressed.ToArray(), writable: false));
        byte[] target = new byte[First(compressed.Length, size)];
        int written = 0;
        while (true)
        {
            written += stream.ReadAtLeast(target.AsSpan(written), target.Length - written, throwOnEndOfStream: false);
            if (written < target.Length) { throw Differs(size, written); }
            if (written == size) { return stream.ReadByte() < 0 ? target : throw new InvalidDataException($"a page of {size} bytes unpacks to more"); }
            Array.Resize(ref target, Grown(target.Length, size));
        }
    }

    private static InvalidDataException Differs(int size, int written) => new($"a page of {size} bytes unpacks to {written}");
}
