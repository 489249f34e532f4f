using System.Security.Cryptography;
using System.Text;
using Ctwa.Grains.Hosting;
using StackExchange.Redis;

namespace Ctwa.Silo.Hosting.Redis;

/// <summary>
/// Sees to it that all silos of a grid have one secret: what is made of it lies in Redis while any silo runs, and one that makes
/// something else does not join. That keeps out mistakes; against those who write their own silo, coordinators ask every silo for a
/// proof (<see cref="SiloProofOfSecret"/>), and connections can be encrypted.
/// </summary>
internal sealed class SharedSecret(GridRedis redis, IServiceProvider services)
{
    private static readonly TimeSpan s_kept = TimeSpan.FromSeconds(60);
    private readonly string _mine = services.GetService(typeof(ClusterSecret)) is ClusterSecret secret ? Convert.ToHexStringLower(HMACSHA256.HashData(secret.Bytes.Span, "ctwa silos of one grid"u8)) : "none";

    private RedisKey Key => redis.Key("secret");

    /// <summary>Before the silo joins.</summary>
    /// <exception cref="SiloFailure">The grid has another secret.</exception>
    public async Task RequireAsync(CancellationToken cancellationToken)
    {
        var database = await redis.DatabaseAsync(cancellationToken);
        await database.StringSetAsync(Key, _mine, s_kept, When.NotExists);
        string theirs = (string?)await database.StringGetAsync(Key) ?? _mine;
        if (CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(theirs), Encoding.ASCII.GetBytes(_mine))) { return; }
        string difference = theirs == "none" ? "the running silos have no secret, and this one has" : _mine == "none" ? "the grid has a secret, and this silo has none" : "this silo's secret is not the grid's";
        throw new SiloFailure(SiloExitCodes.WrongSecret, $"{difference}. Give every silo the same --secret-file (or CTWA_CLUSTER_SECRET). To change the secret, stop all silos and wait {s_kept.TotalSeconds:0} s.");
    }

    /// <summary>While the silo runs.</summary>
    public async Task KeepAsync(CancellationToken cancellationToken) => await (await redis.DatabaseAsync(cancellationToken)).StringSetAsync(Key, _mine, s_kept);
}
