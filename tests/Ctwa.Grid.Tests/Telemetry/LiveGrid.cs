using System.Globalization;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Ctwa.TestKit.Telemetry;
using Xunit;

namespace Ctwa.Grid.Tests.Telemetry;

/// <summary>Two silos over Redis with a job that goes on until it is ended, and a Prometheus that scrapes them.</summary>
internal sealed class LiveGrid : IAsyncDisposable
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(120);

    private LiveGrid(RedisServer redis, LocalGrid silos, PrometheusServer prometheus) => (Redis, Silos, Prometheus) = (redis, silos, prometheus);

    public RedisServer Redis { get; }

    public LocalGrid Silos { get; }

    public PrometheusServer Prometheus { get; }

    /// <param name="folder">Of everything.</param>
    /// <param name="libraries">Folder that the silos look for libraries in; null: none.</param>
    public static async Task<LiveGrid> StartAsync(string folder, string? libraries = null)
    {
        var redis = await RedisRequired.StartAsync();
        try
        {
            var settings = new GridSettings { SiloEnvironment = new Dictionary<string, string?> { ["LD_LIBRARY_PATH"] = libraries } };
            var silos = await LocalGrid.StartAsync(Path.Combine(folder, "grid"), redis, 2, settings);
            try
            {
                return new LiveGrid(redis, silos, await PrometheusServer.StartAsync(Path.Combine(folder, "prometheus"), [.. silos.Silos.Select(silo => silo.HealthPort)]));
            }
            catch
            {
                await silos.DisposeAsync();
                throw;
            }
        }
        catch
        {
            await redis.DisposeAsync();
            throw;
        }
    }

    /// <summary>Hands it a job that never ends of itself, with short steps that measure everything.</summary>
    public async Task<(GridProcess Client, RunFolder Run)> SubmitAsync(string folder)
    {
        string job = ExactnessJobs.Interrupted.WriteTo(folder, text => text
            .Replace("schedule: { steps: 6, validate_every: 3,", "schedule: { steps: 100000, validate_every: 3,", StringComparison.Ordinal)
            .Replace("steps: 30\n", "steps: 3\n", StringComparison.Ordinal)
            + "diagnostics: { gram_every: 1, realised_every: 1 }\n");
        string run = Path.Combine(folder, "run");
        return (await Silos.SubmitAsync(job, run), new RunFolder(run));
    }

    /// <summary>Waits until a run has made so many RL steps more.</summary>
    public static async Task GoOnAsync(RunFolder run, int lines, GridProcess client)
    {
        int target = RunProgress.Of(run).Lines + lines;
        Assert.True(await RunProgress.WaitAsync(run, target, client, Patience), string.Create(CultureInfo.InvariantCulture, $"the job ended before its line {target}:\n{client.ReadLog()}"));
    }

    public async ValueTask DisposeAsync()
    {
        await Prometheus.DisposeAsync();
        await Silos.DisposeAsync();
        await Redis.DisposeAsync();
    }
}
