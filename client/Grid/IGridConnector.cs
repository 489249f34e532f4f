using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>Opens connections to a grid.</summary>
internal interface IGridConnector
{
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    /// <exception cref="Exception">Not reachable (yet).</exception>
    Task<IGridConnection> ConnectAsync(GridAddress address, CancellationToken cancellationToken);
}

/// <summary>A connection to a grid.</summary>
internal interface IGridConnection : IAsyncDisposable
{
    ICoordinatorGrain Coordinator(string jobId) => Grain<ICoordinatorGrain>(jobId);

    /// <summary>Any grain by its key.</summary>
    T Grain<T>(string key) where T : IGrainWithStringKey;

    /// <summary>Subscribes to a job's events; disposing ends that. Null: this connection has no streams.</summary>
    /// <param name="arrived">Called for each event, at any time and on any thread; must return at once.</param>
    Task<IAsyncDisposable?> SubscribeAsync(string jobId, Action<JobStreamItem> arrived) => Task.FromResult<IAsyncDisposable?>(null);
}
