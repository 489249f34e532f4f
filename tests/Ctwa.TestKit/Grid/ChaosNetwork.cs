namespace Ctwa.TestKit.Grid;

/// <summary>
/// Disturbs what passes between a grid's processes: in a network namespace of the grid's own where the kernel and the user's
/// rights allow one, else only what passes between them and Redis, by a proxy.
/// </summary>
public sealed class ChaosNetwork : IAsyncDisposable
{
    private const int SlowKilobitsPerSecond = 4000;
    private readonly NetworkNamespace? _space;
    private FaultProxy? _proxy;

    private ChaosNetwork(NetworkNamespace? space, string? whyNot) => (_space, WhyNoSpace) = (space, whyNot);

    /// <summary>Why only Redis' connections can be disturbed; null: all can.</summary>
    public string? WhyNoSpace { get; }

    /// <summary>Where the grid's processes run.</summary>
    public GridPlace Place => _space is null ? GridPlace.Loopback : new GridPlace("127.0.0.1", _space.Prefix);

    public static async Task<ChaosNetwork> StartAsync(string folder)
    {
        string? whyNot = await NetworkNamespace.WhyNotAsync();
        return new ChaosNetwork(whyNot is null ? await NetworkNamespace.StartAsync(folder) : null, whyNot);
    }

    /// <summary>Address that the grid reaches a Redis by.</summary>
    public string AddressOf(RedisServer redis)
    {
        if (_space is not null) { return redis.Address; }
        _proxy ??= new FaultProxy(redis.Port);
        return _proxy.Address;
    }

    /// <summary>Tears the connections of a silo.</summary>
    /// <exception cref="NotSupportedException">This kernel cannot.</exception>
    public async Task TearAsync(GridSilo silo)
    {
        _proxy?.Reset();
        if (_space is null) { return; }
        foreach (int port in (int[])[silo.SiloPort, silo.GatewayPort, silo.ChannelPort])
        {
            if (!await _space.TryTearAsync(port)) { throw new NotSupportedException("this kernel cannot destroy sockets (ss -K; CONFIG_INET_DIAG_DESTROY)."); }
        }
    }

    /// <summary>Slows everything down for a while.</summary>
    /// <exception cref="NotSupportedException">This kernel cannot.</exception>
    public async Task SlowAsync(TimeSpan length)
    {
        if (_space is null)
        {
            _proxy!.BytesPerSecond = SlowKilobitsPerSecond * 125;
            _proxy.Delay = TimeSpan.FromMilliseconds(40);
            await Task.Delay(length);
            _proxy.Heal();
            return;
        }

        if (!await _space.TrySlowAsync("lo", SlowKilobitsPerSecond)) { throw new NotSupportedException("this kernel cannot limit a link's rate (tc tbf; CONFIG_NET_SCH_TBF)."); }
        await Task.Delay(length);
        await _space.TrySlowAsync("lo", null);
    }

    public async ValueTask DisposeAsync()
    {
        if (_proxy is not null) { await _proxy.DisposeAsync(); }
        if (_space is not null) { await _space.DisposeAsync(); }
    }
}
