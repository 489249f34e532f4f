using Ctwa.Grains.Abstractions;
using Orleans.Runtime;
using Orleans.Streams;

namespace Ctwa.Client.Grid;

/// <summary>A client's subscription to the stream of a job's events.</summary>
internal sealed class StreamSubscription : IAsyncDisposable
{
    private readonly StreamSubscriptionHandle<JobStreamItem> handle;

    private StreamSubscription(StreamSubscriptionHandle<JobStreamItem> handle) => this.handle = handle;

    /// <exception cref="OrleansException">The grid offers no streams now.</exception>
    public static async Task<IAsyncDisposable> OpenAsync(IClusterClient client, string jobId, Action<JobStreamItem> arrived)
    {
        var stream = client.GetStreamProvider(JobStreams.Provider).GetStream<JobStreamItem>(StreamId.Create(JobStreams.Namespace, jobId));
        return new StreamSubscription(await stream.SubscribeAsync((item, _) =>
        {
            arrived(item);
            return Task.CompletedTask;
        }));
    }

    public async ValueTask DisposeAsync() => await handle.UnsubscribeAsync();
}
