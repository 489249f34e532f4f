using System.Collections.Immutable;
using StackExchange.Redis;

namespace Ctwa.Silo.Hosting.Redis;

/// <summary>What a joining silo sees.</summary>
/// <param name="GridId">Mark of the grid that uses this Redis; null: none has yet, or Redis lost it.</param>
/// <param name="IsMember">This silo is in the table of members.</param>
/// <param name="Strangers">Silos that were alive a moment ago and are not in that table.</param>
internal sealed record GridView(string? GridId, bool IsMember, ImmutableArray<string> Strangers);

/// <summary>What a running silo learns when it reports itself.</summary>
/// <param name="Rival">Mark of another grid that has taken this Redis; null: none.</param>
/// <param name="IsMember">This silo is in the table of members.</param>
/// <param name="Restored">The table had been lost and was put back from this silo's copy.</param>
/// <param name="Table">The table as it is now.</param>
internal sealed record PresenceReport(string? Rival, bool IsMember, bool Restored, HashEntry[] Table);

/// <summary>Steps on the grid's keys in Redis that must happen as a whole. All times are Redis' own: clocks of machines differ.</summary>
internal sealed class GuardScripts(GridRedis redis, string member)
{
    // KEYS: members, peers, grid. ARGV: this silo, freshness in ms.
    private const string LookScript = """
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        local peers = redis.call('HGETALL', KEYS[2])
        local strangers = {}
        for i = 1, #peers, 2 do
            if now - tonumber(peers[i + 1]) < tonumber(ARGV[2]) and redis.call('HEXISTS', KEYS[1], peers[i]) == 0 then
                strangers[#strangers + 1] = peers[i]
            end
        end
        return { redis.call('GET', KEYS[3]) or '', redis.call('HEXISTS', KEYS[1], ARGV[1]), strangers }
        """;

    // ARGV: this silo, mark of its grid, lifetime of a peer's entry in ms, then the copy of the table.
    private const string ReportScript = """
        local mark = redis.call('GET', KEYS[3])
        if mark and mark ~= ARGV[2] then return { mark, 0, 0, {} } end
        if not mark then redis.call('SET', KEYS[3], ARGV[2]) end
        local restored = 0
        if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 and #ARGV > 3 then
            redis.call('DEL', KEYS[1])
            for i = 4, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
            restored = 1
        end
        local time = redis.call('TIME')
        local now = time[1] * 1000 + math.floor(time[2] / 1000)
        redis.call('HSET', KEYS[2], ARGV[1], string.format('%.0f', now))
        local peers = redis.call('HGETALL', KEYS[2])
        for i = 1, #peers, 2 do
            if now - tonumber(peers[i + 1]) > tonumber(ARGV[3]) then redis.call('HDEL', KEYS[2], peers[i]) end
        end
        return { '', redis.call('HEXISTS', KEYS[1], ARGV[1]), restored, redis.call('HGETALL', KEYS[1]) }
        """;

    private static readonly TimeSpan s_fresh = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan s_forgotten = TimeSpan.FromSeconds(120);

    private RedisKey PeersKey => redis.Key("peers");

    private RedisKey GridKey => redis.Key("grid");

    /// <summary>Looks without changing anything.</summary>
    public async Task<GridView> LookAsync(CancellationToken cancellationToken)
    {
        var answer = await RunAsync(LookScript, [member, (long)s_fresh.TotalMilliseconds], cancellationToken);
        return new GridView(Text(answer[0]), (long)answer[1] == 1, [.. ((RedisResult[])answer[2]!).Select(silo => (string)silo!)]);
    }

    /// <summary>Marks the Redis as this grid's unless another has.</summary>
    /// <returns>The mark that stands.</returns>
    public async Task<string> ClaimAsync(string mark, CancellationToken cancellationToken)
    {
        var database = await redis.DatabaseAsync(cancellationToken);
        await database.StringSetAsync(GridKey, mark, when: When.NotExists).WaitAsync(cancellationToken);
        return (string)(await database.StringGetAsync(GridKey).WaitAsync(cancellationToken))!;
    }

    /// <summary>Says that this silo is there, and puts lost members back.</summary>
    /// <param name="copy">The table as this silo saw it last.</param>
    public async Task<PresenceReport> ReportAsync(string mark, HashEntry[] copy, CancellationToken cancellationToken)
    {
        // Only a copy in which this silo is a member is worth more than nothing.
        var usable = copy.Any(row => row.Name == member) ? copy : [];
        var answer = await RunAsync(ReportScript, [member, mark, (long)s_forgotten.TotalMilliseconds, .. usable.SelectMany(row => (RedisValue[])[row.Name, row.Value])], cancellationToken);
        var table = (RedisValue[])answer[3]!;
        return new PresenceReport(Text(answer[0]), (long)answer[1] == 1, (long)answer[2] == 1, [.. table.Chunk(2).Select(pair => new HashEntry(pair[0], pair[1]))]);
    }

    /// <summary>Says that this silo has left.</summary>
    public async Task LeaveAsync(CancellationToken cancellationToken) =>
        await (await redis.DatabaseAsync(cancellationToken)).HashDeleteAsync(PeersKey, member).WaitAsync(cancellationToken);

    private static string? Text(RedisResult result) => (string?)result is { Length: > 0 } text ? text : null;

    private async Task<RedisResult[]> RunAsync(string script, RedisValue[] arguments, CancellationToken cancellationToken)
    {
        var database = await redis.DatabaseAsync(cancellationToken);
        return (RedisResult[])(await database.ScriptEvaluateAsync(script, [redis.MembershipKey, PeersKey, GridKey], arguments).WaitAsync(cancellationToken))!;
    }
}
