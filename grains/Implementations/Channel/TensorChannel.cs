using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.Logging;

namespace Ctwa.Grains.Channel;

/// <summary>
/// Tensors between silos: serves ranges that a source offers, pulls ranges from others into unmanaged memory. See docs/tensor-channel.md
/// for the protocol. Bytes are checked; a range arrives whole and right, or the pull fails.
/// </summary>
public sealed class TensorChannel : IAsyncDisposable, IDisposable
{
    private readonly TensorChannelOptions _options;
    private readonly ChannelServer _server;
    private readonly ChannelLog _log;
    private readonly PullPool _pool = new();
    private readonly ConcurrentDictionary<(TensorEndpoint Endpoint, bool Bulk), TensorPeer> _peers = new();
    private volatile bool _stopping;
    private TensorEndpoint? _endpoint;

    /// <param name="options">How.</param>
    /// <param name="source">What this silo serves; called on the channel's threads, several at a time.</param>
    /// <param name="logger">Never sees the secret.</param>
    /// <exception cref="ArgumentException">An option's value is not possible.</exception>
    public TensorChannel(TensorChannelOptions options, ITensorSource source, ILogger<TensorChannel> logger)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(logger);
        options.Check();
        _options = options;
        _log = new ChannelLog(logger);
        _server = new ChannelServer(options, source, _log);
    }

    /// <summary>Where this silo serves; known after <see cref="StartAsync"/>.</summary>
    /// <exception cref="InvalidOperationException">The channel has not been started.</exception>
    public TensorEndpoint Endpoint => _endpoint ?? throw new InvalidOperationException("The tensor channel has no endpoint before StartAsync.");

    /// <summary>Begins to listen.</summary>
    /// <exception cref="IOException">The address cannot be bound.</exception>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_endpoint is not null) { throw new InvalidOperationException("The tensor channel has been started already."); }
        _endpoint = new TensorEndpoint(_options.Advertised, _server.Start());
        ChannelMetrics.Begin();
        _log.Listening(_endpoint, _options.Tls is not null, _options is { SharedMemory: true, Tls: null });
        return Task.CompletedTask;
    }

    /// <summary>Copies a range of a peer's tensor to unmanaged memory.</summary>
    /// <param name="peer">Who has it.</param>
    /// <param name="request">What.</param>
    /// <param name="destination">
    /// Where to: <see cref="TensorRequest.Length"/> bytes that stay valid until the task has ended. After a failure their content is of no value.
    /// </param>
    /// <param name="cancellationToken">Ends the pull; a running one breaks its connection.</param>
    /// <exception cref="TensorRefusedException">The peer said no, or does not belong to the grid.</exception>
    /// <exception cref="TensorCorruptException">What arrived is not what was sent.</exception>
    /// <exception cref="TimeoutException">The peer was silent for <see cref="TensorChannelOptions.Deadline"/>.</exception>
    /// <exception cref="IOException">The peer does not answer, or the connection broke.</exception>
    public Task PullAsync(TensorEndpoint peer, TensorRequest request, nint destination, CancellationToken cancellationToken) => Start(peer, request, destination, inline: false, cancellationToken).AsTask();

    /// <summary>
    /// As <see cref="PullAsync"/>, allocates nothing once warm, and saves two changes of threads: who awaits it without a context goes on
    /// on the channel's own thread, and must neither block nor compute for long there. To be awaited once.
    /// </summary>
    public ValueTask PullInlineAsync(TensorEndpoint peer, in TensorRequest request, nint destination, CancellationToken cancellationToken) => Start(peer, request, destination, inline: true, cancellationToken);

    private ValueTask Start(TensorEndpoint peer, in TensorRequest request, nint destination, bool inline, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentOutOfRangeException.ThrowIfNegative(request.Offset, nameof(request));
        ArgumentOutOfRangeException.ThrowIfNegative(request.Length, nameof(request));
        if (destination == 0 && request.Length > 0) { throw new ArgumentException("The destination of a pull is the null pointer.", nameof(destination)); }
        if (peer.Port is < 1 or > 65535 || string.IsNullOrWhiteSpace(peer.Host)) { throw new ArgumentException($"{peer.Host}:{peer.Port} is no address of a tensor channel.", nameof(peer)); }
        ObjectDisposedException.ThrowIf(_stopping, this);
        if (cancellationToken.IsCancellationRequested) { return ValueTask.FromCanceled(cancellationToken); }
        var operation = _pool.Rent();
        operation.Prepare(request with { Trace = ChannelTrace.Current() }, destination, Stopwatch.GetTimestamp(), inline, cancellationToken);
        var task = operation.Task;
        operation.Watch();
        bool bulk = request.Length >= _options.BulkBytes;
        while (!Peer(peer, bulk).Enqueue(operation)) { }
        return task;
    }

    /// <summary>Stops serving and pulling: running transfers break, waiting ones fail, leases are released.</summary>
    public void Dispose()
    {
        _stopping = true;
        foreach (var peer in _peers.Values) { peer.Stop(); }
        _server.Dispose();
    }

    public ValueTask DisposeAsync() => new(Task.Run(Dispose));

    private TensorPeer Peer(TensorEndpoint endpoint, bool bulk) =>
        _peers.TryGetValue((endpoint, bulk), out var peer) ? peer : _peers.GetOrAdd((endpoint, bulk), new TensorPeer(endpoint, bulk, _options, Retire));

    private void Retire(TensorPeer peer) => _peers.TryRemove(new((peer.Endpoint, peer.Bulk), peer));
}
