namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>Fields of a protobuf message, without knowing its description.</summary>
internal readonly ref struct ProtobufReader(ReadOnlySpan<byte> message)
{
    private readonly ReadOnlySpan<byte> _message = message;

    /// <summary>All values of a field that is a message, a text or bytes.</summary>
    public List<byte[]> Bytes(int field)
    {
        var found = new List<byte[]>();
        for (var rest = _message; !rest.IsEmpty;)
        {
            ulong tag = Varint(ref rest);
            var value = (tag & 7) switch
            {
                0 => Skip(ref rest),
                1 => Take(ref rest, 8),
                2 => Take(ref rest, (int)Varint(ref rest)),
                5 => Take(ref rest, 4),
                var kind => throw new InvalidDataException($"wire type {kind} is none of protobuf 3."),
            };
            if ((int)(tag >> 3) == field && (tag & 7) == 2) { found.Add(value.ToArray()); }
        }

        return found;
    }

    /// <summary>The first text of a field; empty if there is none.</summary>
    public string Text(int field) => Bytes(field) is [var first, ..] ? System.Text.Encoding.UTF8.GetString(first) : "";

    /// <summary>The first bytes of a field in hexadecimal; empty if there are none.</summary>
    public string Hex(int field) => Bytes(field) is [var first, ..] ? Convert.ToHexStringLower(first) : "";

    private static ReadOnlySpan<byte> Skip(ref ReadOnlySpan<byte> rest)
    {
        Varint(ref rest);
        return [];
    }

    private static ReadOnlySpan<byte> Take(ref ReadOnlySpan<byte> rest, int length)
    {
        var taken = rest[..length];
        rest = rest[length..];
        return taken;
    }

    private static ulong Varint(ref ReadOnlySpan<byte> rest)
    {
        ulong value = 0;
        for (int shift = 0; ; shift += 7)
        {
            byte next = rest[0];
            rest = rest[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) { return value; }
        }
    }
}
