using System.Diagnostics;
using System.Globalization;
using Ctwa.Client.Commands;
using Ctwa.Client.Grid;
using Ctwa.Client.Output;
using Ctwa.Client.Supervision;
using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using StackExchange.Redis;

namespace Ctwa.Client.Doctor;

/// <summary>The grid that commands would speak to: its Redis, its clock, its silos. Reads only.</summary>
internal static class GridChecks
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(5);
    private static readonly Version s_oldestRedis = new(6, 0);

    /// <param name="target">The grid; null: none is named.</param>
    public static async Task<IReadOnlyList<Check>> RunAsync(GridTarget? target, CancellationToken cancellationToken)
    {
        if (target is null)
        {
            return [Check.Skip("redis", "no grid is named (--redis, --context, a current context)"), Check.Skip("clock", "there is no Redis to compare with"), Check.Skip("grid", "no grid is named")];
        }

        IReadOnlyList<Check> redis = target.Address is GridAddress.Redis address ? await RedisAsync(address.Endpoint) : [Check.Skip("redis", "the grid is reached by a gateway"), Check.Skip("clock", "there is no Redis to compare with")];
        return [.. redis, await SilosAsync(target, cancellationToken)];
    }

    /// <summary>What Redis says of itself.</summary>
    /// <param name="endpoint">For messages.</param>
    /// <param name="info">Fields of INFO.</param>
    internal static IEnumerable<Check> Judge(RedisEndpoint endpoint, IReadOnlyDictionary<string, string> info)
    {
        string text = info.TryGetValue("redis_version", out string? version) ? version : "unknown version";
        string name = info.TryGetValue("server_name", out string? server) ? server : "Redis";
        yield return Version.TryParse(text, out var known) && known < s_oldestRedis ? Check.Fail("redis", $"{endpoint}: {name} {text}", "Use Redis 6 or newer, or Valkey.") : Check.Ok("redis", $"{endpoint}: {name} {text}");
        if (info.TryGetValue("redis_mode", out string? mode) && mode == "cluster") { yield return Check.Fail("redis mode", "it is a Redis Cluster", "Use one Redis (with replicas, if you like): keys of a grid belong together."); }
        bool log = info.TryGetValue("aof_enabled", out string? aof) && aof == "1";
        yield return log ? Check.Ok("persistence", "appendonly is on") : Check.Warn("persistence", "appendonly is off: a restart of Redis loses the queue of jobs", "redis-cli CONFIG SET appendonly yes, and in its configuration file: appendonly yes");
        if (info.TryGetValue("aof_last_write_status", out string? wrote) && wrote != "ok") { yield return Check.Fail("persistence", "its last write to disk failed", "Is its disk full? See Redis' log."); }
        if (info.TryGetValue("maxmemory_policy", out string? policy) && policy != "noeviction" && info.TryGetValue("maxmemory", out string? most) && most != "0") { yield return Check.Fail("eviction", $"maxmemory-policy is {policy}: Redis may drop members and jobs", "redis-cli CONFIG SET maxmemory-policy noeviction"); }
    }

    /// <summary>Two clocks.</summary>
    /// <param name="ahead">Time of Redis less that of this machine.</param>
    /// <param name="took">How long the question took: by half of it the difference is uncertain.</param>
    internal static Check Clock(TimeSpan ahead, TimeSpan took)
    {
        double seconds = Math.Max(0, ahead.Duration().TotalSeconds - (took.TotalSeconds / 2));
        string text = seconds < 0.05 ? "agrees with that of Redis" : string.Create(CultureInfo.InvariantCulture, $"{seconds:0.0} s {(ahead > TimeSpan.Zero ? "behind" : "ahead of")} that of Redis");
        return seconds switch
        {
            > 60 => Check.Fail("clock", text, "Set it (chrony, systemd-timesyncd): certificates and times of jobs will be wrong."),
            > 2 => Check.Warn("clock", text, "Let it be kept (chrony, systemd-timesyncd): ages of silos and jobs will look odd."),
            _ => Check.Ok("clock", text),
        };
    }

    private static async Task<IReadOnlyList<Check>> RedisAsync(RedisEndpoint endpoint)
    {
        var options = RedisConnection.Options(endpoint, "ctwa-doctor");
        options.AbortOnConnectFail = true;
        options.ConnectRetry = 1;
        // The library counts INFO among administrators' commands; it changes nothing.
        options.AllowAdmin = true;
        try
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync(options).WaitAsync(s_patience * 2);
            var server = connection.GetServer(connection.GetEndPoints()[0]);
            var checks = new List<Check>();
            try
            {
                var info = (await server.InfoAsync()).SelectMany(section => section).GroupBy(field => field.Key).ToDictionary(group => group.Key, group => group.First().Value, StringComparer.Ordinal);
                checks.AddRange(Judge(endpoint, info));
            }
            catch (Exception denied) when (denied is RedisException or RedisCommandException)
            {
                checks.Add(Check.Warn("redis", $"{endpoint} answers, but does not tell about itself: {denied.Message}", "Let the user read INFO, to have its persistence checked."));
            }

            long start = Stopwatch.GetTimestamp();
            try
            {
                var there = await server.TimeAsync();
                var took = Stopwatch.GetElapsedTime(start);
                checks.Add(Clock(there.ToUniversalTime() - (TimeProvider.System.GetUtcNow().UtcDateTime - (took / 2)), took));
            }
            catch (Exception denied) when (denied is RedisException or RedisCommandException)
            {
                checks.Add(Check.Warn("clock", $"Redis does not tell its time: {denied.Message}", "Let the user call TIME."));
            }

            return checks;
        }
        catch (Exception e) when (e is RedisException or TimeoutException or System.Net.Sockets.SocketException or IOException)
        {
            string why = TerminalText.Line(e.Message.Split('\n')[0]);
            bool password = e.Message.Contains("NOAUTH", StringComparison.Ordinal) || e.Message.Contains("WRONGPASS", StringComparison.Ordinal) || e.Message.Contains("AuthenticationFailure", StringComparison.Ordinal);
            return [Check.Fail("redis", $"{endpoint} is not reached: {why}", password ? $"Set {RedisEndpoint.PasswordVariable} to its password (or what the context names)." : "Does it run, is the address right, and does a firewall or network policy let you through? rediss:// is for TLS."), Check.Skip("clock", "there is no Redis to compare with")];
        }
    }

    private static async Task<Check> SilosAsync(GridTarget target, CancellationToken cancellationToken)
    {
        var deadlines = new Deadlines { Connect = s_patience, Unreachable = s_patience };
        var grid = new GridAccess(new OrleansConnector(deadlines, client => GridAccess.Configure(client, target.Token)), target, deadlines);
        try
        {
            var silos = await SilosCommand.AllAsync(grid, cancellationToken);
            int active = silos.Count(silo => silo.State == SiloCondition.Active), computing = silos.Count(silo => silo is { State: SiloCondition.Active, Computes: true });
            string text = string.Create(CultureInfo.InvariantCulture, $"{target}: {active} of {silos.Count} silos active, {computing} compute");
            return silos.Any(silo => silo.State == SiloCondition.Stranger) ? Check.Fail("grid", text + "; one does not know the grid's secret", "See ctwa silos, and give that silo the --secret-file of the others.")
                : computing == 0 ? Check.Fail("grid", text, "Jobs wait until a silo with the role compute is there.")
                : active < silos.Count ? Check.Warn("grid", text, "See ctwa silos.")
                : Check.Ok("grid", text);
        }
        catch (CommandFailure failure)
        {
            return Check.Fail("grid", failure.Message, failure.ExitCode == ExitCodes.AccessDenied ? "Set the token." : "Start a silo, or correct address and name of the cluster.");
        }
    }
}
