namespace Ctwa.Training.Rewards.Programs;

/// <summary>Lines of a stream, without ever holding more than one of bounded length.</summary>
/// <param name="stream">Read, not owned.</param>
/// <param name="maxBytes">Longest line.</param>
internal sealed class BoundedLines(Stream stream, int maxBytes)
{
    private byte[] _buffer = new byte[4096];
    private int _start;
    private int _end;

    /// <summary>Lines read so far.</summary>
    public long Count { get; private set; }

    /// <summary>The next line without its line break; null at the end. A last line without a break is dropped: it may be half a reply.</summary>
    /// <exception cref="RewardReplyException">It is longer than accepted.</exception>
    public async ValueTask<byte[]?> NextAsync(CancellationToken cancellationToken)
    {
        int searched = _start;
        while (true)
        {
            int newline = _buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n');
            if (newline >= 0)
            {
                byte[] line = _buffer[_start..(searched + newline)];
                _start = searched + newline + 1;
                Count++;
                return line is [.. var content, (byte)'\r'] ? content : line;
            }

            searched = _end;
            if (_end - _start > maxBytes) { throw new RewardReplyException(FormattableString.Invariant($"line {Count + 1} is longer than {maxBytes} bytes: {ReplyJson.Show(_buffer.AsSpan(_start, 100))}")); }
            if (_end == _buffer.Length) { searched -= MakeRoom(); }
            int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0) { return null; }
            _end += read;
        }
    }

    /// <returns>By how much the content moved.</returns>
    private int MakeRoom()
    {
        int moved = _start, length = _end - _start;
        byte[] target = length > _buffer.Length / 2 ? new byte[_buffer.Length * 2] : _buffer;
        _buffer.AsSpan(_start, length).CopyTo(target);
        (_buffer, _start, _end) = (target, 0, length);
        return moved;
    }
}
