using System.Diagnostics.Metrics;
using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Streams;

namespace Ctwa.Grains.Jobs.Streams;

/// <summary>Opens the streams of the jobs whose coordinators are on this silo.</summary>
public sealed class JobEventFeeds(IServiceProvider services) : IDisposable
{
    private readonly Meter _meter = new("Ctwa.Grains.Jobs");
    private Counter<long>? _counter;
    private long _dropped;

    /// <summary>Events that no stream got, since this silo started.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    /// <summary>A feed for one incarnation of a job's coordinator, which disposes of it at the end.</summary>
    internal JobEventFeed Open(string jobId)
    {
        _counter ??= _meter.CreateCounter<long>("ctwa.jobs.events_dropped", "{event}", "Events that no stream got.");
        // The silo's own client, not the grain's context: a stream that hangs must not hold a turn.
        var provider = services.GetRequiredService<IClusterClient>().GetStreamProvider(JobStreams.Provider);
        var stream = provider.GetStream<JobStreamItem>(StreamId.Create(JobStreams.Namespace, jobId));
        return new JobEventFeed(item => stream.OnNextAsync(item), Drop);
    }

    /// <inheritdoc/>
    public void Dispose() => _meter.Dispose();

    private void Drop()
    {
        Interlocked.Increment(ref _dropped);
        _counter?.Add(1);
    }
}
