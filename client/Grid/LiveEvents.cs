using System.Threading.Channels;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>A job's events as its stream brings them, some of them missing. Without a stream there are none, and the watcher asks.</summary>
internal sealed class LiveEvents : IAsyncDisposable
{
    // A watcher that is slower than this misses events; it asks for them later.
    private const int Capacity = 1024;

    private readonly Channel<JobStreamItem> arrived = Channel.CreateBounded<JobStreamItem>(new BoundedChannelOptions(Capacity) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true });
    private IAsyncDisposable? subscription;

    private LiveEvents() { }

    /// <summary>Subscribes; a grid that offers no stream, or does not answer in time, is no failure.</summary>
    public static async Task<LiveEvents> OpenAsync(IGridConnection connection, string jobId, TimeSpan deadline, CancellationToken cancellationToken)
    {
        var events = new LiveEvents();
        try
        {
            events.subscription = await connection.SubscribeAsync(jobId, item => events.arrived.Writer.TryWrite(item)).WaitAsync(deadline, cancellationToken);
        }
        catch (Exception e) when (e is TimeoutException or OrleansException or InvalidOperationException or GridAccessException)
        {
            // Everything that a stream brings can be asked for.
        }

        return events;
    }

    /// <summary>The next event; null: none came in time.</summary>
    public async Task<JobStreamItem?> NextAsync(TimeSpan patience, CancellationToken cancellationToken)
    {
        if (arrived.Reader.TryRead(out var item)) { return item; }
        if (subscription is null || patience == TimeSpan.Zero) { return null; }
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        waiting.CancelAfter(patience);
        try { return await arrived.Reader.ReadAsync(waiting.Token); }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested) { return null; }
    }

    public async ValueTask DisposeAsync()
    {
        if (subscription is null) { return; }
        // The grid notices a watcher that is gone without a word, too.
        try { await subscription.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(2)); }
        catch (Exception e) when (e is TimeoutException or OrleansException or InvalidOperationException or GridAccessException) { }
    }
}
