using System.Collections.Concurrent;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs.Access;
using Ctwa.Grains.Jobs.Streams;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Runtime;
using Orleans.Streams;
using Xunit;

namespace Ctwa.Grains.Tests.Jobs.Streams;

/// <summary>Events by Orleans' streams to a client.</summary>
public sealed class JobStreamTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-streams-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_client_hears_what_a_coordinator_tells_and_never_the_silos_proof(bool guarded)
    {
        await using var cluster = await JobCluster.StartAsync(new JobClusterOptions { Silos = 2, StateFolder = _folder, Coordinators = new FakeCoordinators(), Tokens = guarded ? Access.TokenTableTests.Text(Access.TokenTableTests.Entry("tv", "read", "t")) : null });
        if (guarded) { RequestContext.Set(GridHeaders.Token, "t"); }
        var arrived = new ConcurrentQueue<JobStreamItem>();
        var headers = new ConcurrentQueue<object?>();
        var stream = cluster.Cluster.Client.GetStreamProvider(JobStreams.Provider).GetStream<JobStreamItem>(StreamId.Create(JobStreams.Namespace, "job"));
        await stream.SubscribeAsync((item, _) =>
        {
            arrived.Enqueue(item);
            headers.Enqueue(RequestContext.Get(SiloProof.Header));
            return Task.CompletedTask;
        });
        var feeds = cluster.Cluster.GetSiloServiceProvider(cluster.Cluster.Silos[1].SiloAddress).GetRequiredService<JobEventFeeds>();
        await using (var feed = feeds.Open("job"))
        {
            for (int i = 1; i <= 20; i++) { feed.Post(new JobStreamItem(4, new JobEvent(i, JobEventKind.Step, $$"""{"step":{{i}}}"""))); }
        }

        long start = Environment.TickCount64;
        while (arrived.Count < 20)
        {
            Assert.True(Environment.TickCount64 - start < 30_000, $"{arrived.Count} of 20 arrived; {feeds.Dropped} dropped");
            await Task.Delay(20, Token);
        }

        Assert.Equal(Enumerable.Range(1, 20), arrived.Select(item => (int)item.Event.Sequence));
        Assert.Equal(0, feeds.Dropped);
        Assert.All(headers, Assert.Null);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
