using System.Buffers;
using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// The byte alphabet of byte-level BPE: each of the 256 bytes has one printable character. The 188 printable Latin-1
/// bytes stand for themselves; the others take U+0100, U+0101, ... in byte order.
/// Source: A. Radford et al., "Language Models are Unsupervised Multitask Learners" (GPT-2, 2019), released encoder.
/// </summary>
internal static class ByteAlphabet
{
    private const char FirstStandIn = '\u0100';
    private static readonly char[] OfByte = BuildCharacters();
    private static readonly short[] OfCharacter = BuildBytes();

    /// <summary>The character that stands for a byte.</summary>
    public static char Character(byte value) => OfByte[value];

    /// <summary>The byte a character stands for, or -1 if it is none of the 256.</summary>
    public static int Byte(char character) => character < OfCharacter.Length ? OfCharacter[character] : -1;

    /// <summary>The bytes a vocabulary entry stands for; an entry with a character outside the alphabet is plain text and gives its UTF-8 bytes.</summary>
    public static byte[] BytesOf(string token)
    {
        var bytes = new byte[token.Length];
        for (int i = 0; i < token.Length; i++)
        {
            int value = Byte(token[i]);
            if (value < 0) { return Encoding.UTF8.GetBytes(token); }
            bytes[i] = (byte)value;
        }

        return bytes;
    }

    /// <summary>A text's UTF-8 bytes, written in the alphabet.</summary>
    public static string Write(ReadOnlySpan<char> text)
    {
        int capacity = Encoding.UTF8.GetMaxByteCount(text.Length);
        byte[] rented = ArrayPool<byte>.Shared.Rent(capacity);
        try
        {
            int count = Encoding.UTF8.GetBytes(text, rented);
            return string.Create(count, rented, static (span, bytes) =>
            {
                for (int i = 0; i < span.Length; i++) { span[i] = OfByte[bytes[i]]; }
            });
        }
        finally { ArrayPool<byte>.Shared.Return(rented); }
    }

    private static char[] BuildCharacters()
    {
        var characters = new char[256];
        char next = FirstStandIn;
        for (int value = 0; value < 256; value++)
        {
            bool printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            characters[value] = printable ? (char)value : next++;
        }

        return characters;
    }

    private static short[] BuildBytes()
    {
        var bytes = new short[OfByte.Max() + 1];
        Array.Fill(bytes, (short)-1);
        for (int value = 0; value < 256; value++) { bytes[OfByte[value]] = (short)value; }
        return bytes;
    }
}
