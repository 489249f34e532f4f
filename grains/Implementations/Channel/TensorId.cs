using System.IO.Hashing;
using System.Runtime.InteropServices;
using System.Text;

namespace Ctwa.Grains.Channel;

/// <summary>What a tensor on the data plane is; opaque to the channel, which only carries and compares it.</summary>
public enum TensorKind
{
    /// <summary>What models compute with, in the job's type: the range is part of the flat parameters.</summary>
    Compute = 1,

    /// <summary>Master weights, float32.</summary>
    Master = 2,

    /// <summary>Adam's m, float32.</summary>
    FirstMoment = 3,

    /// <summary>Adam's v, float32.</summary>
    SecondMoment = 4,

    /// <summary>Gradient of an update, summed over a node of the canonical tree, float32.</summary>
    Gradient = 5,

    /// <summary>Gradient of an update over one slice, summed over all shards, float32.</summary>
    SliceSum = 6,

    /// <summary>Frozen reference policy.</summary>
    Reference = 7,

    /// <summary>Frozen weights below adapters.</summary>
    Base = 8,
}

/// <summary>
/// Identity of a tensor that a silo offers to others: fixed size and blittable, so that asking for one allocates nothing.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 8)]
public readonly record struct TensorId
{
    /// <summary>Hash of the job's id (<see cref="JobHash"/>).</summary>
    public UInt128 Job { get; init; }

    public TensorKind Kind { get; init; }

    /// <summary>Of the update, for gradients.</summary>
    public int Stage { get; init; }

    public int Step { get; init; }

    public int Update { get; init; }

    public int Pass { get; init; }

    public int Halvings { get; init; }

    /// <summary>Row of several gradients.</summary>
    public int Row { get; init; }

    /// <summary>First shard of a node of the canonical tree, or the slice.</summary>
    public int First { get; init; }

    /// <summary>Shards of the node.</summary>
    public int Count { get; init; }

    /// <summary>Policy version, for weights and moments.</summary>
    public long Version { get; init; }

    /// <summary>A job's id as it appears in tensor ids.</summary>
    public static UInt128 JobHash(string jobId) => XxHash128.HashToUInt128(Encoding.UTF8.GetBytes(jobId));
}

/// <summary>A range of a tensor that one silo asks another for.</summary>
/// <param name="Id">Which tensor.</param>
/// <param name="Epoch">Of the coordinator on whose behalf it is asked; older ones are refused (invariant I5).</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct TensorRequest(TensorId Id, long Epoch, long Offset, long Length)
{
    /// <summary>The span on whose behalf it is asked; the channel sets it.</summary>
    public ChannelTrace Trace { get; init; }
}

/// <summary>Where a silo serves tensors.</summary>
/// <param name="Host">Address or name that the other silos can reach.</param>
/// <param name="Port">TCP port.</param>
public sealed record TensorEndpoint(string Host, int Port);

/// <summary>What the channel serves: implemented by the jobs on this silo.</summary>
public interface ITensorSource
{
    /// <summary>Opens a range for reading; it does not change and is not freed before the lease is disposed.</summary>
    /// <exception cref="TensorRefusedException">It is not here, not complete, or the epoch is too old.</exception>
    TensorLease Open(in TensorRequest request);
}

/// <summary>Bytes in unmanaged memory, held for one transfer.</summary>
/// <param name="address">First byte of the range that was asked for.</param>
/// <param name="release">Called once, when the transfer has ended.</param>
public readonly struct TensorLease(nint address, Action? release) : IDisposable
{
    public nint Address => address;

    public void Dispose() => release?.Invoke();
}

/// <summary>Why a tensor was not handed over.</summary>
public enum TensorRefusal
{
    /// <summary>No such tensor here.</summary>
    Unknown = 1,

    /// <summary>It is being made; ask again.</summary>
    NotReady = 2,

    /// <summary>The request is on behalf of a coordinator that has been replaced.</summary>
    StaleEpoch = 3,

    /// <summary>The range does not lie within the tensor.</summary>
    OutOfRange = 4,

    /// <summary>The other side does not know the grid's secret.</summary>
    Unauthenticated = 5,
}

/// <summary>The other silo refused a request.</summary>
public sealed class TensorRefusedException : Exception
{
    public TensorRefusedException() { }
    public TensorRefusedException(string message) : base(message) { }
    public TensorRefusedException(string message, Exception inner) : base(message, inner) { }

    public TensorRefusedException(TensorRefusal reason, string message) : base(message) => Reason = reason;

    public TensorRefusedException(TensorRefusal reason, string message, Exception inner) : base(message, inner) => Reason = reason;

    public TensorRefusal Reason { get; }
}
