namespace Ctwa.Training.Datasets.Jsonl;

/// <summary>Lines of a file as bytes, one at a time. A line ends with LF or CR LF; a byte-order mark is left out.</summary>
/// <param name="stream">The file.</param>
/// <param name="name">Its name for messages.</param>
internal sealed class LineReader(Stream stream, string name)
{
    /// <summary>Longest line; a row of this size is no prompt, and a binary file may have no line ends at all.</summary>
    public const int MaxLineBytes = 64 << 20;

    private byte[] _buffer = new byte[1 << 16];
    private int _start, _end;
    private bool _ended;

    /// <summary>Number of the line read last, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>The next line; valid until the next call.</summary>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="DatasetException">The line is longer than <see cref="MaxLineBytes"/>.</exception>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        int searched = _start;
        while (true)
        {
            int found = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (found >= 0)
            {
                line = Line(searched + found);
                _start = searched + found + 1;
                return true;
            }

            if (_ended)
            {
                line = Line(_end);
                bool any = _end > _start;
                if (!any) { Number--; }
                _start = _end;
                return any;
            }

            searched = Fill();
        }
    }

    private ReadOnlyMemory<byte> Line(int end)
    {
        Number++;
        int start = _start;
        if (Number == 1 && _buffer.AsSpan(start, end - start).StartsWith("\uFEFF"u8)) { start += 3; }
        if (end > start && _buffer[end - 1] == '\r') { end--; }
        return _buffer.AsMemory(start, end - start);
    }

    /// <summary>Reads on behind the unfinished line; returns where the new bytes begin.</summary>
    private int Fill()
    {
        int length = _end - _start;
        if (length > MaxLineBytes) { throw new DatasetException($"{name}:{Number + 1}: the line is longer than {MaxLineBytes >> 20} MiB; expected is one JSON object per line (JSONL)."); }
        if (length == _buffer.Length)
        {
            Array.Resize(ref _buffer, _buffer.Length * 2);
        }
        else if (_start > 0)
        {
            _buffer.AsSpan(_start, length).CopyTo(_buffer);
            (_start, _end) = (0, length);
        }

        int read = stream.Read(_buffer, _end, _buffer.Length - _end);
        _ended = read == 0;
        _end += read;
        return _end - read;
    }
}
