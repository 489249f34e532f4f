using System.Collections.Concurrent;
using System.Diagnostics;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Compute;
using Ctwa.Grains.Hosting;
using Ctwa.Grains.Jobs;
using Ctwa.Training.Specification;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.TestingHost;

namespace Ctwa.Grains.Tests.Jobs;

/// <summary>How the silos of a test are.</summary>
internal sealed record JobClusterOptions
{
    public short Silos { get; init; } = 1;

    /// <summary>Grain state; a later cluster finds it.</summary>
    public required string StateFolder { get; init; }

    /// <summary>Null: real ones.</summary>
    public FakeCoordinators? Coordinators { get; init; }

    /// <summary>Text of the file of tokens; null: none.</summary>
    public string? Tokens { get; init; }

    public GridFolders Folders { get; init; } = new();

    public RewardPolicy Rewards { get; init; } = RewardPolicy.Closed;
}

/// <summary>Silos in this process with the grid's queue, and a client of them.</summary>
internal sealed class JobCluster : IAsyncDisposable
{
    private JobCluster(InProcessTestCluster cluster, ConcurrentQueue<string> log) => (Cluster, Log) = (cluster, log);

    public InProcessTestCluster Cluster { get; }

    /// <summary>Every line that the silos logged.</summary>
    public ConcurrentQueue<string> Log { get; }

    public IGridGrain Grid => Cluster.Client.GetGrain<IGridGrain>(IGridGrain.Key);

    public static async Task<JobCluster> StartAsync(JobClusterOptions options)
    {
        var log = new ConcurrentQueue<string>();
        string? tokens = null;
        if (options.Tokens is not null) { File.WriteAllText(tokens = Path.Combine(options.StateFolder, "tokens.json"), options.Tokens); }
        var builder = new InProcessTestClusterBuilder(options.Silos);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.Services.AddSingleton(options.Folders);
            silo.Services.AddSingleton(new ClusterSecret("a secret of the test's silos"u8.ToArray()));
            silo.Services.AddSingleton(new JobQueueOptions { Period = TimeSpan.FromMilliseconds(100) });
            if (tokens is not null) { silo.Services.AddSingleton(new GridTokensFile(tokens)); }
            if (options.Coordinators is { } fakes) { silo.Services.AddSingleton<IJobCoordinators>(fakes); }
            silo.Services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Information).AddProvider(new Collector(log)));
            silo.AddGrid(new SiloComputeOptions { Lanes = 2, Rewards = options.Rewards });
            silo.AddGridStorage(Path.Combine(options.StateFolder, "grains"));
        });
        builder.ConfigureClient(client => client.AddMemoryStreams(JobStreams.Provider));
        var cluster = builder.Build();
        // The test host's client would look into the silos, which clients may not.
        cluster.Options.InitializeClientOnDeploy = false;
        await cluster.DeployAsync();
        await cluster.InitializeClientAsync();
        return new JobCluster(cluster, log);
    }

    /// <summary>Asks for a job until it is as wanted.</summary>
    public async Task<JobRecord> WaitAsync(string jobId, Func<JobRecord, bool> wanted, CancellationToken cancellationToken, int seconds = 60)
    {
        long start = Stopwatch.GetTimestamp();
        JobRecord? job = null;
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < seconds)
        {
            try { job = await Grid.Get(jobId, cancellationToken); }
            catch (Exception e) when (e is TimeoutException or OrleansException) { /* A silo has just died. */ }
            if (job is not null && wanted(job)) { return job; }
            await Task.Delay(50, cancellationToken);
        }

        throw new TimeoutException($"job {jobId} is not as wanted after {seconds} s: {job}. Log:\n{string.Join('\n', Log.TakeLast(30))}");
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.StopAllSilosAsync();
        await Cluster.DisposeAsync();
    }

    private sealed class Collector(ConcurrentQueue<string> lines) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => lines.Enqueue($"{logLevel}: {formatter(state, exception)} {exception}");

        public void Dispose() { }
    }
}
