using System.Globalization;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>Where a silo runs.</summary>
/// <param name="Host">Its address.</param>
/// <param name="Prefix">Command that takes it there, such as <c>ip netns exec NAME</c>.</param>
public sealed record GridPlace(string Host, IReadOnlyList<string> Prefix)
{
    public static GridPlace Loopback { get; } = new("127.0.0.1", []);
}

/// <summary>One silo of a <see cref="LocalGrid"/>: a real process that keeps its ports over restarts.</summary>
public sealed class GridSilo : IAsyncDisposable
{
    /// <summary>A start on a busy machine, joining included.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(90);
    private readonly Func<GridSilo, IReadOnlyList<string>> _command;
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, string?> _environment;
    private GridProcess? _process;

    internal GridSilo(int index, GridPlace place, string folder, Func<GridSilo, IReadOnlyList<string>> command, IReadOnlyDictionary<string, string?> environment)
    {
        (Index, Place, _folder, _command, _environment) = (index, place, folder, command, environment);
        int[] ports = FreePorts.Find(4);
        (SiloPort, GatewayPort, ChannelPort, HealthPort) = (ports[0], ports[1], ports[2], ports[3]);
        Log = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"silo-{index}.log"));
    }

    public int Index { get; }

    public GridPlace Place { get; }

    public int SiloPort { get; }

    public int GatewayPort { get; }

    /// <summary>Of the tensor channel.</summary>
    public int ChannelPort { get; }

    public int HealthPort { get; }

    /// <summary>File with the output of all its lives.</summary>
    public string Log { get; }

    /// <summary>The present or last life.</summary>
    public GridProcess Process => _process ?? throw new InvalidOperationException($"silo {Index} was never started.");

    public bool IsRunning => _process is { IsRunning: true };

    /// <summary>Starts it, or starts it again, and waits until it is a member of the grid.</summary>
    public async Task StartAsync()
    {
        await LaunchAsync();
        await ReadyAsync();
    }

    /// <summary>Waits until it is a member of the grid.</summary>
    public Task ReadyAsync() => Process.WaitForLogAsync("ctwa-silo ready", s_patience, LifeStart);

    /// <summary>Starts it, or starts it again, and does not wait.</summary>
    public async Task LaunchAsync()
    {
        if (_process is not null) { await _process.DisposeAsync(); }
        LifeStart = File.Exists(Log) ? File.ReadAllText(Log).Length : 0;
        _process = await GridProcess.StartAsync(ToString(), _command(this), Log, _folder, _environment);
    }

    /// <summary>Position in the log where the present life begins.</summary>
    public int LifeStart { get; private set; }

    public void Send(UnixSignal signal) => Process.Send(signal);

    /// <summary>SIGKILL.</summary>
    public async Task KillAsync()
    {
        Send(UnixSignal.Kill);
        await Process.WaitAsync(TimeSpan.FromSeconds(20));
    }

    /// <summary>SIGTERM; it hands its work over and leaves.</summary>
    /// <returns>Its exit code.</returns>
    public Task<int> TerminateAsync(TimeSpan patience)
    {
        Send(UnixSignal.Terminate);
        return Process.WaitAsync(patience);
    }

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"silo {Index}");

    public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;
}
