using Ctwa.Grains.Coordination;

namespace Ctwa.Silo.Hosting.Redis;

/// <summary>Epochs by a counter per job in Redis. A Redis that lost it is told by the run directory what was reached.</summary>
internal sealed class RedisEpochSource(GridRedis redis) : IEpochSource
{
    private const string Script = """
        local epoch = redis.call('INCR', KEYS[1])
        local least = tonumber(ARGV[1])
        if epoch < least then
            redis.call('SET', KEYS[1], ARGV[1])
            epoch = least
        end
        return epoch
        """;

    public async Task<long> NextAsync(string jobId, long atLeast, CancellationToken cancellationToken)
    {
        var database = await redis.DatabaseAsync(cancellationToken);
        return (long)await database.ScriptEvaluateAsync(Script, [redis.Key($"epoch/{jobId}")], [atLeast]).WaitAsync(cancellationToken);
    }
}
