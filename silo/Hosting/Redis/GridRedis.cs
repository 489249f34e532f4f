using Ctwa.Grains.Abstractions;
using Ctwa.Grid.Redis;
using StackExchange.Redis;

namespace Ctwa.Silo.Hosting.Redis;

/// <summary>This silo's own connection to the grid's Redis, beside those of Orleans.</summary>
/// <param name="clusterId">Name of the grid; all keys begin with it.</param>
internal sealed class GridRedis(RedisEndpoint endpoint, string clusterId) : IAsyncDisposable
{
    private static readonly TimeSpan s_firstAnswer = TimeSpan.FromSeconds(10);

    private readonly SemaphoreSlim _gate = new(1, 1);
    private ConnectionMultiplexer? _connection;

    /// <summary>Key of Orleans' table of members.</summary>
    public RedisKey MembershipKey { get; } = $"{GridIdentity.ServiceId}/members/{clusterId}";

    /// <summary>Without password.</summary>
    public RedisEndpoint Endpoint { get; } = endpoint;

    /// <summary>A key of this grid: <c>ctwa/CLUSTER/...</c>.</summary>
    public RedisKey Key(string name) => KeyOf(clusterId, name);

    /// <inheritdoc cref="Key"/>
    public static RedisKey KeyOf(string clusterId, string name) => $"{GridIdentity.ServiceId}/{clusterId}/{name}";

    /// <summary>The database; connects first.</summary>
    public async Task<IDatabase> DatabaseAsync(CancellationToken cancellationToken)
    {
        if (_connection is { } open) { return open.GetDatabase(); }
        await _gate.WaitAsync(cancellationToken);
        try
        {
            _connection ??= await ConnectionMultiplexer.ConnectAsync(RedisConnection.Options(Endpoint, Clustering.ConnectionName));
            return _connection.GetDatabase();
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Waits until Redis answers.</summary>
    /// <exception cref="RedisUnreachableException">It did not within 10 s, or refused.</exception>
    public async Task RequireAsync(CancellationToken cancellationToken)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                var database = await DatabaseAsync(cancellationToken);
                await database.PingAsync();
                return;
            }
            catch (RedisServerException refused)
            {
                throw new RedisUnreachableException(Endpoint, refused);
            }
            catch (RedisException away) when (System.Diagnostics.Stopwatch.GetElapsedTime(start) >= s_firstAnswer || away is RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure })
            {
                throw new RedisUnreachableException(Endpoint, away);
            }
            catch (RedisException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(300), cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _gate.Dispose();
        if (_connection is { } open) { await open.DisposeAsync(); }
    }
}

/// <summary>The grid's Redis does not answer.</summary>
internal sealed class RedisUnreachableException(RedisEndpoint endpoint, Exception cause)
    : Exception($"the Redis at {endpoint} cannot be used: {cause.Message.Split('\n')[0].Trim()} Check address, password ({RedisEndpoint.PasswordVariable} or --redis-password-file) and TLS.", cause);
