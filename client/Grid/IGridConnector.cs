using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>Opens connections to a grid on this machine.</summary>
internal interface IGridConnector
{
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="Exception">Not reachable (yet).</exception>
    Task<IGridConnection> ConnectAsync(int gatewayPort, string clusterId, CancellationToken cancellationToken);
}

/// <summary>A connection to a grid.</summary>
internal interface IGridConnection : IAsyncDisposable
{
    ICoordinatorGrain Coordinator(string jobId);
}
