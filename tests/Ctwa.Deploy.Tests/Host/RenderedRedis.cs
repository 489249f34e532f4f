using System.Diagnostics;
using System.Globalization;
using Ctwa.Deploy.Tests.Manifests;
using Ctwa.Deploy.Tests.Rules;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;

namespace Ctwa.Deploy.Tests.Host;

/// <summary>A real <c>redis-server</c> with the configuration and arguments of the manifests, on a port of loopback.</summary>
internal sealed class RenderedRedis : IAsyncDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ctwa-redis-");
    private readonly Process _process;
    private readonly string _client;

    private RenderedRedis(ManifestSet set, string binary)
    {
        var workload = set.Workloads.Single(one => one.IsRedis);
        var container = workload.Pod.Containers.Single();
        var errors = new List<string>();
        Environment = PodEnvironment.Resolve(set, workload, container, "ctwa-redis-0", errors);
        string configuration = Path.Combine(_folder.FullName, "redis.conf");
        // The same text, but for what a container has of its own.
        File.WriteAllText(configuration, StorageRules.ConfigurationOf(set, workload)!.Replace("bind * -::*", "bind 127.0.0.1", StringComparison.Ordinal).Replace("dir /data", "dir " + _folder.FullName, StringComparison.Ordinal));
        string[] arguments = [.. container.Args.Select(argument => argument == "/etc/redis/redis.conf" ? configuration : PodEnvironment.Expand(argument, Environment, errors, workload.Name))];
        Port = FreePorts.Find(1)[0];
        _process = Process.Start(new ProcessStartInfo(binary, [.. arguments, "--port", Port.ToString(CultureInfo.InvariantCulture)]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        _ = _process.StandardOutput.ReadToEndAsync();
        _ = _process.StandardError.ReadToEndAsync();
        _client = Path.Combine(Path.GetDirectoryName(binary)!, "redis-cli");
    }

    /// <summary>Its container's variables.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; }

    public int Port { get; }

    public string Address => string.Create(CultureInfo.InvariantCulture, $"127.0.0.1:{Port}");

    /// <summary>Starts it and waits until its own readiness probe is content. Skips the test where there is no Redis.</summary>
    public static async Task<RenderedRedis> StartAsync(ManifestSet set)
    {
        await RedisRequired.OrSkipAsync();
        var redis = new RenderedRedis(set, (await RedisBinary.GetAsync()).Path!);
        string[] probe = [.. set.Workloads.Single(one => one.IsRedis).Pod.Containers[0].ReadinessProbe.Exec.Command];
        for (int attempt = 0; await redis.RunAsync(redis.Environment["REDISCLI_AUTH"], probe[1..]) is var (code, output) && code != 0; attempt++)
        {
            if (attempt == 100) { throw new TimeoutException("redis-server does not become ready: " + output); }
            await Task.Delay(50);
        }

        return redis;
    }

    /// <summary>Runs <c>redis-cli</c> with a password.</summary>
    public Task<(int ExitCode, string Output)> RunAsync(string password, params IReadOnlyList<string> arguments) =>
        Programs.RunAsync(TimeSpan.FromSeconds(20), "/", ["env", "REDISCLI_AUTH=" + password, _client, "-p", Port.ToString(CultureInfo.InvariantCulture), .. arguments]);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        _folder.Delete(recursive: true);
    }
}
