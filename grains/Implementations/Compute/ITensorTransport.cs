using Ctwa.Grains.Channel;

namespace Ctwa.Grains.Compute;

/// <summary>Gets tensors from other silos.</summary>
public interface ITensorTransport
{
    /// <summary>Copies a range of a tensor on another silo into this process's memory.</summary>
    /// <exception cref="TensorRefusedException">The other silo does not hand it over.</exception>
    Task PullAsync(TensorEndpoint peer, TensorRequest request, nint destination, CancellationToken cancellationToken);
}
