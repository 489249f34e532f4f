using System.Collections.Concurrent;
using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Tests.Channel;

/// <summary>A source with one tensor per step number, an epoch, and a count of leases that are held.</summary>
internal sealed class TestTensors : ITensorSource
{
    private static readonly UInt128 s_job = TensorId.JobHash("test");

    private readonly ConcurrentDictionary<int, UnmanagedTensor> _tensors = new();
    private readonly Action _release;
    private int _held, _opened;

    public TestTensors() => _release = () => Interlocked.Decrement(ref _held);

    public long Epoch { get; set; }

    public int Held => Volatile.Read(ref _held);

    public int Opened => Volatile.Read(ref _opened);

    public Action? OnOpen { get; set; }

    public static TensorId Id(int step) => new() { Job = s_job, Kind = TensorKind.Gradient, Step = step, Version = 7 };

    public void Offer(int step, UnmanagedTensor tensor) => _tensors[step] = tensor;

    public TensorLease Open(in TensorRequest request)
    {
        OnOpen?.Invoke();
        if (request.Epoch < Epoch) { throw new TensorRefusedException(TensorRefusal.StaleEpoch, $"epoch {request.Epoch} has been replaced by {Epoch}"); }
        if (request.Id != Id(request.Id.Step) || !_tensors.TryGetValue(request.Id.Step, out var tensor)) { throw new TensorRefusedException(TensorRefusal.Unknown, $"there is no tensor {request.Id.Step}"); }
        if (request.Offset > tensor.Length || request.Length > tensor.Length - request.Offset) { throw new TensorRefusedException(TensorRefusal.OutOfRange, $"{request.Offset}+{request.Length} of {tensor.Length}"); }
        Interlocked.Increment(ref _held);
        Interlocked.Increment(ref _opened);
        return new TensorLease(tensor.Address + (nint)request.Offset, _release);
    }
}
