namespace Ctwa.Grains.Channel;

/// <summary>Bytes arrived that are not those that were sent. What the destination holds is of no value; asking again is right.</summary>
public sealed class TensorCorruptException : IOException
{
    public TensorCorruptException() { }
    public TensorCorruptException(string message) : base(message) { }
    public TensorCorruptException(string message, Exception inner) : base(message, inner) { }
}
