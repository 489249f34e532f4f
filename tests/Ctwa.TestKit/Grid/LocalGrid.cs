using System.Globalization;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>How a <see cref="LocalGrid"/> is made.</summary>
public sealed record GridSettings
{
    /// <summary>Compute lanes of each silo.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>Address that silos and clients reach Redis by, such as a proxy's; null: its own.</summary>
    public string? RedisAddress { get; init; }

    /// <summary>Where silo <c>i</c> runs.</summary>
    public Func<int, GridPlace> PlaceOf { get; init; } = _ => GridPlace.Loopback;

    /// <summary>Where clients run.</summary>
    public GridPlace ClientPlace { get; init; } = GridPlace.Loopback;

    /// <summary>More options of every silo.</summary>
    public IReadOnlyList<string> SiloOptions { get; init; } = [];

    /// <summary>Environment variables of every silo, beside those of this process.</summary>
    public IReadOnlyDictionary<string, string?> SiloEnvironment { get; init; } = new Dictionary<string, string?>();

    /// <summary>More options of every client.</summary>
    public IReadOnlyList<string> ClientOptions { get; init; } = [];

    /// <summary>Token that clients show; null: none.</summary>
    public string? ClientToken { get; init; }
}

/// <summary>Silos as real processes on one Redis, driven by signals; everything ends with this object, and with this process.</summary>
public sealed class LocalGrid : IAsyncDisposable
{
    private readonly GridSettings _settings;
    private readonly List<GridSilo> _silos = [];
    private readonly List<GridProcess> _clients = [];

    private LocalGrid(string folder, RedisServer redis, GridSettings settings)
    {
        (Folder, Redis, _settings) = (folder, redis, settings);
        ClusterId = "grid-" + Path.GetFileName(folder);
    }

    /// <summary>Logs lie here; run directories of jobs below it.</summary>
    public string Folder { get; }

    /// <summary>Belongs to the caller.</summary>
    public RedisServer Redis { get; }

    public string RedisAddress => _settings.RedisAddress ?? Redis.Address;

    public string ClusterId { get; }

    public IReadOnlyList<GridSilo> Silos => _silos;

    internal static IReadOnlyDictionary<string, string?> ChildEnvironment { get; } = new Dictionary<string, string?>
    {
        // One secret for all grids of this process: silos that are reached from other machines refuse to start without one.
        ["CTWA_CLUSTER_SECRET"] = Convert.ToHexString(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32)),
        [ChildRuntime.Variable] = ChildRuntime.Folder,
        ["CTWA_SILO"] = null,
    };

    /// <summary>Starts a grid of so many silos and waits until all are members.</summary>
    /// <param name="folder">A new folder of the grid's own.</param>
    /// <param name="redis">Stays the caller's.</param>
    public static async Task<LocalGrid> StartAsync(string folder, RedisServer redis, int silos, GridSettings? settings = null)
    {
        if (!File.Exists(Checkout.Silo)) { throw new FileNotFoundException($"{Checkout.Silo} is missing; build the silo first."); }
        var grid = new LocalGrid(Directory.CreateDirectory(folder).FullName, redis, settings ?? new());
        try
        {
            for (int i = 0; i < silos; i++) { await grid.Add().LaunchAsync(); }
            await Task.WhenAll(grid.Silos.Select(silo => silo.ReadyAsync()));
            return grid;
        }
        catch
        {
            await grid.DisposeAsync();
            throw;
        }
    }

    /// <summary>One more silo.</summary>
    /// <returns>When it is a member.</returns>
    public async Task<GridSilo> JoinAsync()
    {
        var silo = Add();
        await silo.StartAsync();
        return silo;
    }

    /// <summary>Hands a job to the grid with <c>ctwa submit --wait</c>.</summary>
    /// <param name="job">Job file.</param>
    /// <param name="run">Run directory.</param>
    /// <param name="options">More options, such as <c>--set</c>.</param>
    /// <returns>The client, which runs until the job has ended; its exit code is the job's.</returns>
    public Task<GridProcess> SubmitAsync(string job, string run, params IReadOnlyList<string> options) =>
        ClientAsync(Path.GetFileName(run), ["submit", job, "--output", run, "--wait", .. options]);

    /// <summary>Runs a verb of <c>ctwa</c> against this grid.</summary>
    /// <param name="name">Of its log file.</param>
    /// <param name="arguments">Verb and options; Redis and the cluster's name are added.</param>
    public async Task<GridProcess> ClientAsync(string name, params IReadOnlyList<string> arguments)
    {
        string log = Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"client-{_clients.Count}-{name}.log"));
        string[] command = [.. _settings.ClientPlace.Prefix, Checkout.Client, .. arguments, "--redis", RedisAddress, "--cluster-id", ClusterId, .. _settings.ClientOptions];
        var client = await GridProcess.StartAsync($"ctwa {arguments[0]} ({name})", command, log, Folder, new Dictionary<string, string?>(ChildEnvironment) { ["CTWA_TOKEN"] = _settings.ClientToken });
        _clients.Add(client);
        return client;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients) { await client.DisposeAsync(); }
        foreach (var silo in _silos) { await silo.DisposeAsync(); }
    }

    /// <summary>The silo that a process is the present life of; null: none.</summary>
    public GridSilo? SiloOf(int processId) => _silos.FirstOrDefault(silo => silo.IsRunning && silo.Process.Self.Id == processId);

    /// <summary>The silo that coordinates a run, by what its run directory says; null: not known, or no longer there.</summary>
    public GridSilo? CoordinatorOf(RunFolder run)
    {
        string holder = Path.Combine(run.FullPath, "run.lock.holder");
        try
        {
            // "process 123 on HOST, silo S..., epoch 4"
            string[] words = File.Exists(holder) ? File.ReadAllText(holder).Split(' ') : [];
            return words is ["process", var id, ..] && int.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out int process) ? SiloOf(process) : null;
        }
        catch (IOException)
        {
            return null;
        }
    }

    /// <summary>Starts what has ended, with the same ports, and lets go on what is frozen.</summary>
    public async Task RepairAsync()
    {
        foreach (var silo in _silos.Where(silo => silo.IsRunning)) { silo.Send(UnixSignal.Continue); }
        var ended = _silos.Where(silo => !silo.IsRunning).ToArray();
        foreach (var silo in ended) { await silo.LaunchAsync(); }
        await Task.WhenAll(ended.Select(silo => silo.ReadyAsync()));
    }

    private GridSilo Add()
    {
        int index = _silos.Count;
        var silo = new GridSilo(index, _settings.PlaceOf(index), Folder, CommandOf, ChildEnvironment.Concat(_settings.SiloEnvironment).ToDictionary());
        _silos.Add(silo);
        return silo;
    }

    private IReadOnlyList<string> CommandOf(GridSilo silo) =>
    [
        .. silo.Place.Prefix, Checkout.Silo, "--clustering", "redis", "--redis", RedisAddress, "--cluster-id", ClusterId,
        "--silo-port", silo.SiloPort.ToString(CultureInfo.InvariantCulture), "--gateway-port", silo.GatewayPort.ToString(CultureInfo.InvariantCulture),
        "--channel-port", silo.ChannelPort.ToString(CultureInfo.InvariantCulture), "--health-port", silo.HealthPort.ToString(CultureInfo.InvariantCulture),
        "--advertise", silo.Place.Host, "--data", Path.Combine(Folder, string.Create(CultureInfo.InvariantCulture, $"data-{silo.Index}")), "--lanes", _settings.Lanes.ToString(CultureInfo.InvariantCulture), .. _settings.SiloOptions,
    ];
}
