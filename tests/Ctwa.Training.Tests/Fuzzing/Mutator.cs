using System.Buffers.Binary;
using System.Text;
using Ctwa.Training.Randomness;

namespace Ctwa.Training.Tests.Fuzzing;

/// <summary>Damages files in seeded, repeatable ways: bytes, lengths, and the tokens of a JSON text.</summary>
internal sealed class Mutator(long seed)
{
    private static readonly string[] s_tokens =
    [
        "0", "-1", "1", "4", "1e400", "-0.5", "2147483648", "4294967296", "9223372036854775807", "18446744073709551615", "99999999999999999999999", "null", "true", "\"\"", "\"F32\"", "\"F64\"", "\"F33\"",
        "\"\\ud800\"", "\"\\u0000\"", "[]", "{}", "[[[[[[[[[[]]]]]]]]]]", "[9223372036854775807,2]", "[4294967296,4294967296]", "[0,0]", "[0,9223372036854775807]", "\"../x.safetensors\"", "\"/etc/passwd\"", "\"float8\"", "1.5",
    ];

    private int _case, _draw;

    /// <summary>Begins the next case.</summary>
    public void Next() => (_case, _draw) = (_case + 1, 0);

    public int Below(int bound) => CounterRandom.Below(bound, seed, RandomPurpose.Test, _case, _draw++, 0, 0);

    /// <summary>A safetensors file with damage to its length, its header, its data's length, or several of them.</summary>
    public byte[] File(byte[] good)
    {
        byte[] file = (byte[])good.Clone();
        for (int rounds = Below(4) == 0 ? 2 : 1; rounds > 0; rounds--)
        {
            switch (Below(6))
            {
                case 0: file = file[..Below(file.Length + 1)]; break;
                case 1 when file.Length >= 8: BinaryPrimitives.WriteUInt64LittleEndian(file, Length(file.Length)); break;
                case 2: file = [.. file, .. new byte[1 + Below(64)]]; break;
                case 3 when file.Length > 8: file = Header(file); break;
                case 4 when file.Length > 8: file = Header(file); break;
                default: Flip(file); break;
            }
        }

        return file;
    }

    /// <summary>A JSON text with damage to tokens, or to bytes.</summary>
    public byte[] Json(byte[] good)
    {
        string text = Encoding.UTF8.GetString(good);
        for (int rounds = Below(4) == 0 ? 2 : 1; rounds > 0; rounds--)
        {
            int at = Below(text.Length + 1), other = Below(text.Length + 1);
            var (start, end) = (Math.Min(at, other), Math.Min(Math.Max(at, other), Math.Min(at, other) + 40));
            text = Below(8) switch
            {
                0 => text[..start] + text[end..],
                1 => text[..end] + text[start..],
                2 => text[..start] + s_tokens[Below(s_tokens.Length)] + text[end..],
                3 => text[..start] + new string('[', 1 + Below(300)) + text[start..],
                4 => Twice(text),
                _ => Value(text),
            };
        }

        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (Below(6) == 0) { Flip(bytes); }
        return bytes;
    }

    /// <summary>A file whose header is damaged but whose length field is right, so that the damage is looked at.</summary>
    private byte[] Header(byte[] file)
    {
        int length = (int)Math.Min(BinaryPrimitives.ReadUInt64LittleEndian(file), (ulong)(file.Length - 8));
        byte[] header = Json(file[8..(8 + length)]);
        byte[] made = [.. new byte[8], .. header, .. file[(8 + length)..]];
        BinaryPrimitives.WriteUInt64LittleEndian(made, (ulong)header.Length);
        return made;
    }

    private ulong Length(int fileLength) => Below(8) switch
    {
        0 => 0,
        1 => ulong.MaxValue,
        2 => 1UL << 63,
        3 => 100_000_000,
        4 => 99_999_999,
        5 => (ulong)fileLength - 8,
        6 => (ulong)fileLength - 7,
        _ => (ulong)Below(4096),
    };

    /// <summary>Another value behind a random colon or comma.</summary>
    private string Value(string text)
    {
        int[] places = [.. Enumerable.Range(0, text.Length).Where(i => text[i] is ':' or '[' or ',')];
        if (places.Length == 0) { return text; }
        int from = places[Below(places.Length)] + 1, to = from;
        while (to < text.Length && text[to] is not (',' or ']' or '}' or '\n')) { to++; }
        return text[..from] + s_tokens[Below(s_tokens.Length)] + text[to..];
    }

    /// <summary>A member of an object once more, with its value.</summary>
    private string Twice(string text)
    {
        int[] starts = [.. Enumerable.Range(0, text.Length).Where(i => text[i] == '"' && i > 0 && text[i - 1] is '{' or ',')];
        if (starts.Length == 0) { return text; }
        int start = starts[Below(starts.Length)], end = text.IndexOf('}', start);
        return end < 0 ? text : text[..start] + text[start..end] + (text[start..end].Contains('{', StringComparison.Ordinal) ? "}," : ",") + text[start..];
    }

    private void Flip(byte[] bytes)
    {
        for (int count = 1 + Below(2); count > 0 && bytes.Length > 0; count--) { bytes[Below(Math.Min(bytes.Length, 600))] = (byte)Below(256); }
    }
}
