using System.Diagnostics;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using StackExchange.Redis;

namespace Ctwa.Silo.Hosting.Redis;

/// <summary>
/// Keeps one grid from becoming two when Redis loses its data. Orleans' running silos do not notice such a loss, and a silo
/// that joins after it would found a grid of its own under the same name.
/// <list type="bullet">
/// <item>A mark in Redis names the grid. Every running silo reports itself every 2 s: it renews the mark and its entry among the
/// peers, and if the table of members no longer has it, it puts the table back as it last saw it.</item>
/// <item>A joining silo refuses to become active while peers that were there within 30 s are missing in the table of members.
/// Where there is no mark, it first waits for running silos to report themselves.</item>
/// <item>A running silo that finds another grid's mark leaves.</item>
/// </list>
/// </summary>
internal sealed class GridGuard : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    // In the table of members, and not yet active: nothing has been served, nobody has been told of this silo.
    private const int BeforeActive = (ServiceLifecycleStage.ApplicationServices + ServiceLifecycleStage.BecomeActive) / 2;

    private const int AfterActive = ServiceLifecycleStage.Active + 1;

    private static readonly TimeSpan s_interval = TimeSpan.FromSeconds(2);

    // Longer than the interval and the time in which a silo connects again to a Redis that was restarted.
    private static readonly TimeSpan s_wait = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_goodBye = TimeSpan.FromSeconds(2);

    private readonly GridRedis _redis;
    private readonly GuardScripts _scripts;
    private readonly SharedSecret _secret;
    private readonly Departure _departure;
    private readonly ILogger<GridGuard> _logger;
    private readonly string _self;
    private readonly CancellationTokenSource _end = new();
    private Task _reporting = Task.CompletedTask;
    private HashEntry[] _table = [];
    private string _mark = "";
    private string? _trouble = "the silo has not joined the grid yet";
    private long _lastAnswer = Stopwatch.GetTimestamp();

    public GridGuard(GridRedis redis, SharedSecret secret, ILocalSiloDetails silo, Departure departure, ILogger<GridGuard> logger)
    {
        _secret = secret;
        _redis = redis;
        _departure = departure;
        _logger = logger;
        // The name of a member's row in Orleans' table.
        _self = silo.SiloAddress.ToString();
        _scripts = new GuardScripts(redis, _self);
    }

    /// <summary>Why jobs should not count on this silo; null: they may.</summary>
    public string? Trouble => Volatile.Read(ref _trouble)
        ?? (Stopwatch.GetElapsedTime(Interlocked.Read(ref _lastAnswer)) is var silent && silent > s_silence ? FormattableString.Invariant($"the Redis at {_redis.Endpoint} has not answered for {silent.TotalSeconds:0} s") : null);

    public void Participate(ISiloLifecycle lifecycle)
    {
        lifecycle.Subscribe(nameof(GridGuard), BeforeActive, JoinAsync, _ => Task.CompletedTask);
        lifecycle.Subscribe(nameof(GridGuard), AfterActive, StartAsync, StopAsync);
    }

    public void Dispose() => _end.Dispose();

    /// <exception cref="SiloFailure">Serving would split the grid.</exception>
    private async Task JoinAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            var view = await _scripts.LookAsync(cancellationToken);
            if (!view.IsMember) { throw Refusal("this silo's own entry has vanished from the list of members"); }
            if (view.Strangers.Length > 0) { throw Refusal($"silos that were alive within the last 30 s are not in the list of members: {string.Join(", ", view.Strangers.Take(5))}{(view.Strangers.Length > 5 ? ", ..." : "")}"); }
            if (view.GridId is { } mark)
            {
                _mark = mark;
                return;
            }

            // Nobody has marked this Redis: it is new, or it was emptied and running silos will say so.
            if (Stopwatch.GetElapsedTime(start) >= s_wait)
            {
                _mark = await _scripts.ClaimAsync(RandomNumberGenerator.GetHexString(16, lowercase: true), cancellationToken);
                return;
            }

            await Task.Delay(s_look, cancellationToken);
        }
    }

    private SiloFailure Refusal(string seen) => new(
        SiloExitCodes.SplitGrid,
        $"{seen}. The Redis at {_redis.Endpoint} seems to have lost its data while the grid ran; a silo that served now would split the grid. Start it again in a few seconds: the running silos put the list back. If no other silo runs any more, wait 30 s.");

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await ReportAsync(cancellationToken);
        _reporting = Task.Run(() => KeepReportingAsync(_end.Token), CancellationToken.None);
    }

    private async Task StopAsync(CancellationToken cancellationToken)
    {
        await _end.CancelAsync();
        await _reporting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var patience = new CancellationTokenSource(s_goodBye);
        try { await _scripts.LeaveAsync(patience.Token); }
        catch (Exception away) when (away is RedisException or TimeoutException or OperationCanceledException)
        {
            // The entry is forgotten after two minutes.
        }
    }

    private async Task KeepReportingAsync(CancellationToken end)
    {
        using var timer = new PeriodicTimer(s_interval);
        while (await timer.WaitForNextTickAsync(end))
        {
            try { await ReportAsync(end); }
            catch (Exception away) when (away is RedisException or TimeoutException)
            {
                // Trouble grows out of the silence.
            }
        }
    }

    private async Task ReportAsync(CancellationToken cancellationToken)
    {
        var report = await _scripts.ReportAsync(_mark, _table, cancellationToken);
        await _secret.KeepAsync(cancellationToken);
        Interlocked.Exchange(ref _lastAnswer, Stopwatch.GetTimestamp());
        if (report.Rival is not null || !report.IsMember)
        {
            string trouble = report.Rival is not null
                ? $"another grid has taken the name of this one in the Redis at {_redis.Endpoint}; this silo leaves, its jobs go on there from their run directories"
                : $"this silo is no longer in the list of members in the Redis at {_redis.Endpoint} and has no copy to put back; it leaves";
            if (Interlocked.Exchange(ref _trouble, trouble) != trouble) { _logger.LogCritical("{Trouble}.", trouble); }
            _departure.Flee(SiloExitCodes.SplitGrid);
            return;
        }

        if (report.Restored) { _logger.LogError("the Redis at {Endpoint} had lost the list of members; {Count} entries were put back. Redis should keep its data (appendonly yes).", _redis.Endpoint, report.Table.Length - 1); }
        _table = report.Table;
        Volatile.Write(ref _trouble, null);
    }
}
