using Ctwa.Grains.Channel;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Steps;
using Ctwa.Training.Telemetry;
using TorchSharp;

namespace Ctwa.Grains.Compute;

/// <summary>Tensors that this silo hands to others, and gets from them.</summary>
public sealed partial class JobHost : ITensorSource
{
    private readonly UInt128 _jobHash;
    private readonly ITensorTransport? _transport;

    /// <inheritdoc/>
    public TensorLease Open(in TensorRequest request)
    {
        if (request.Epoch < Epoch) { throw new TensorRefusedException(TensorRefusal.StaleEpoch, $"epoch {request.Epoch} has been replaced by {Epoch}."); }
        MemoryGate.Pass pass;
        try { pass = _gate.Enter(); }
        catch (ComputeLostException closed) { throw new TensorRefusedException(TensorRefusal.NotReady, closed.Message); }
        try
        {
            return Lend(request, pass);
        }
        catch
        {
            pass.Dispose();
            throw;
        }
    }

    private TensorLease Lend(in TensorRequest request, MemoryGate.Pass pass)
    {
        var id = request.Id;
        var tensor = Find(id) ?? throw new TensorRefusedException(TensorRefusal.NotReady, $"{id.Kind} {id.First}+{id.Count} of step {id.Step}, version {id.Version}, is not here.");
        long size = tensor.NumberOfElements * tensor.ElementSize;
        if (request.Offset < 0 || request.Length < 0 || request.Offset > size - request.Length)
        {
            tensor.Dispose();
            throw new TensorRefusedException(TensorRefusal.OutOfRange, $"bytes {request.Offset} to {request.Offset + request.Length} of {size}.");
        }

        // What lies on a device is handed over through the host's memory: the elements that are asked for, not all of them each time.
        bool onHost = tensor.device_type == DeviceType.CPU;
        long first = onHost ? 0 : request.Offset / tensor.ElementSize, end = onHost ? 0 : (request.Offset + request.Length + tensor.ElementSize - 1) / tensor.ElementSize;
        var host = onHost ? tensor : _lanes[0].RunAsync(() =>
        {
            using var scope = torch.NewDisposeScope();
            return tensor.view(-1).narrow(0, first, Math.Max(1, end - first)).cpu().DetachFromDisposeScope();
        }).GetAwaiter().GetResult();
        return new TensorLease(TensorAddress.Of(host) + (nint)(request.Offset - (first * tensor.ElementSize)), () =>
        {
            host.Dispose();
            if (!ReferenceEquals(host, tensor)) { tensor.Dispose(); }
            pass.Dispose();
        });
    }

    private Tensor? Find(TensorId id)
    {
        var update = new UpdateId((TrainingStage)id.Stage, id.Step, id.Update, id.Pass) { Halvings = id.Halvings };
        Tensor? Slice(Tensor vector) => _copies.TryGetValue(id.First, out var copy) && copy.Version == id.Version ? Part(vector, copy.Range) : null;
        return id.Kind switch
        {
            TensorKind.Compute => Slice(_memory.Compute),
            TensorKind.Master => Slice(_memory.Weights),
            TensorKind.FirstMoment => Slice(_memory.FirstMoment),
            TensorKind.SecondMoment => Slice(_memory.SecondMoment),
            TensorKind.Gradient => TryHeld(update)?.Node(id.Row, id.First, id.Count) is { } node ? Part(node, new SliceRange(0, node.NumberOfElements)) : null,
            TensorKind.SliceSum => _copies.TryGetValue(id.First, out var holder) && holder.TryGradients(update) is { } sums ? Part(sums.Row(id.Row), new SliceRange(0, sums.Covered.Length)) : null,
            TensorKind.Reference => _hasReference && _memory.Reference is { } reference ? Part(reference, new SliceRange(0, reference.NumberOfElements)) : null,
            TensorKind.Base => _memory.Base is { } frozen && _hasBase ? Part(frozen, new SliceRange(0, frozen.NumberOfElements)) : null,
            _ => null,
        };
    }

    private async Task PullSliceAsync(int slice, string silo, long version, bool weights, CancellationToken cancellationToken)
    {
        var range = _ranges[slice];
        if (range.Length == 0) { return; }
        (TensorKind Kind, Tensor Vector)[] parts = [(TensorKind.Master, _memory.Weights), (TensorKind.FirstMoment, _memory.FirstMoment), (TensorKind.SecondMoment, _memory.SecondMoment)];
        foreach (var (kind, vector) in weights ? parts : parts[1..])
        {
            using var part = Part(vector, range);
            await PullAsync(silo, new TensorId { Kind = kind, First = slice, Version = version }, part, cancellationToken);
        }
    }

    /// <summary>Copies as many elements as the destination has from a tensor of another silo.</summary>
    /// <param name="silo">Who has it.</param>
    /// <param name="id">Which, but for the job.</param>
    /// <param name="destination">Contiguous.</param>
    /// <param name="cancellationToken">Ends the transfer.</param>
    /// <param name="firstElement">Of the source.</param>
    /// <exception cref="ComputeLostException">The other silo is gone or does not have it.</exception>
    private async Task PullAsync(string silo, TensorId id, Tensor destination, CancellationToken cancellationToken, long firstElement = 0)
    {
        if (destination.NumberOfElements == 0) { return; }
        var member = Placement.Members.FirstOrDefault(one => one.Silo == silo) ?? _leaving.FirstOrDefault(one => one.Silo == silo) ?? throw new ComputeLostException($"silo {silo}, which has {id.Kind}, is not a member of the job.");
        var transport = _transport ?? throw new ComputeLostException("this silo has no channel to others.");
        using var staging = destination.device_type == DeviceType.CPU ? null : await _lanes[0].RunAsync(() => torch.empty_like(destination, device: torch.CPU).DetachFromDisposeScope());
        var target = staging ?? destination;
        var request = new TensorRequest(id with { Job = _jobHash }, Epoch, firstElement * target.ElementSize, target.NumberOfElements * target.ElementSize);
        var peer = new TensorEndpoint(member.ChannelHost, member.ChannelPort);
        using var span = ChannelTrace.Pull(peer, request);
        try
        {
            await transport.PullAsync(peer, request, TensorAddress.Of(target), cancellationToken);
        }
        catch (Exception failure) when (failure is TensorRefusedException or OperationCanceledException or IOException or TimeoutException or System.Net.Sockets.SocketException or System.Security.Authentication.AuthenticationException)
        {
            StepTrace.Fail(span, failure);
            throw new ComputeLostException($"{id.Kind} could not be got from silo {silo}: {failure.Message}", failure);
        }

        if (staging is not null) { await _lanes[0].RunAsync(() => Copy(destination, staging, new SliceRange(0, staging.NumberOfElements))); }
    }

    private TensorId IdOf(TensorKind kind, UpdateId update) => new() { Job = _jobHash, Kind = kind, Stage = (int)update.Stage, Step = update.Step, Update = update.Update, Pass = update.Pass, Halvings = update.Halvings };
}
