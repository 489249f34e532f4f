using System.Runtime.InteropServices;

namespace Ctwa.Training.Steps;

/// <summary>A forward or backward pass did not fit into the device's memory; no weight was changed.</summary>
public sealed class OutOfDeviceMemoryException : Exception
{
    public OutOfDeviceMemoryException() { }
    public OutOfDeviceMemoryException(string message) : base(message) { }
    public OutOfDeviceMemoryException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Runs tensor work and names libtorch's failure to allocate, on a GPU or a CPU, as what it is.</summary>
    public static T Guard<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (ExternalException failure) when (failure.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase) || failure.Message.Contains("not enough memory", StringComparison.OrdinalIgnoreCase) || failure.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase))
        {
            throw new OutOfDeviceMemoryException($"the device has no memory left for a micro-batch ({failure.Message.Split('\n')[0]}).", failure);
        }
    }
}
