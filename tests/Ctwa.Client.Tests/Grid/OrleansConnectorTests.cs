using System.Collections.Immutable;
using Ctwa.Client.Grid;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Xunit;

namespace Ctwa.Client.Tests.Grid;

/// <summary>The client against a real silo on loopback ports.</summary>
public sealed class OrleansConnectorTests : IAsyncLifetime
{
    private static readonly Deadlines Deadlines = new();
    private readonly (int Silo, int Gateway) ports = LoopbackPorts.FindTwo();
    private IHost silo = null!;

    public async ValueTask InitializeAsync()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.UseOrleans(s => s
            .UseLocalhostClustering(ports.Silo, ports.Gateway, primarySiloEndpoint: null, OrleansConnector.ServiceId, "ctwa-test")
            .Configure<SiloMessagingOptions>(options => options.CancelRequestOnTimeout = true));
        silo = builder.Build();
        await silo.StartAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await silo.StopAsync(TestContext.Current.CancellationToken);
        silo.Dispose();
    }

    [Fact]
    public async Task A_job_is_submitted_watched_and_stopped_through_Orleans()
    {
        var token = TestContext.Current.CancellationToken;
        await using var connection = await new OrleansConnector(Deadlines).ConnectAsync(new GridAddress.Localhost(ports.Gateway, "ctwa-test"), token);
        var coordinator = connection.Coordinator("job-1");
        Assert.Null(await coordinator.Submit(new JobSubmission("{}", "/runs/job-1", Resume: false), token));
        var refused = await coordinator.Submit(new JobSubmission("bad", "/runs/job-1", Resume: true), token);
        Assert.Equal(new JobFailure(JobFailureKind.BadInput, "job-1: bad"), refused);

        var output = new RecordedOutput();
        var watching = new JobWatcher(coordinator, new PatientCalls(Deadlines), output).WatchAsync(token);
        await coordinator.Stop(token);
        Assert.Equal(new JobEnd(JobStatus.Stopped, null), await watching);
        Assert.Equal([1, 2], output.Sequences);
    }

    [Fact]
    public async Task A_port_where_nobody_listens_is_no_hang()
    {
        var (port, _) = LoopbackPorts.FindTwo();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(1));
        var connecting = new OrleansConnector(Deadlines).ConnectAsync(new GridAddress.Localhost(port, "ctwa-test"), patience.Token);
        await Task.WhenAny(connecting, Task.Delay(TimeSpan.FromSeconds(15), TestContext.Current.CancellationToken));
        Assert.True(connecting.IsFaulted || connecting.IsCanceled, $"{connecting.Status}: it still waits");
    }
}

/// <summary>A coordinator with two events, that runs until it is stopped.</summary>
public sealed class TwoEventCoordinator : Grain, ICoordinatorGrain
{
    private bool stopped;

    public Task<JobFailure?> Submit(JobSubmission submission, CancellationToken cancellationToken) =>
        Task.FromResult(submission.SpecJson == "bad" ? new JobFailure(JobFailureKind.BadInput, $"{this.GetPrimaryKeyString()}: bad") : null);

    public Task<JobProgress> Watch(long afterSequence, CancellationToken cancellationToken)
    {
        var next = new JobEvent(afterSequence + 1, JobEventKind.Step, $$"""{"step":{{afterSequence + 1}}}""");
        return Task.FromResult(new JobProgress(stopped ? JobStatus.Stopped : JobStatus.Running, afterSequence < 2 ? [next] : ImmutableArray<JobEvent>.Empty, null));
    }

    public Task Stop(CancellationToken cancellationToken)
    {
        stopped = true;
        return Task.CompletedTask;
    }
}
