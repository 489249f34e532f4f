using System.Globalization;
using Ctwa.Client.Supervision;

namespace Ctwa.Client.LocalGrids;

/// <summary>The silos of one <c>ctwa up</c>: started, watched, and ended together.</summary>
internal sealed class LocalGrid(SiloCommand command, UpOptions options, string? redis, string folder, TextWriter output, Deadlines deadlines) : IAsyncDisposable
{
    private const int ShownLines = 10;

    // What a silo needs after its work has ended.
    private static readonly TimeSpan s_goodBye = TimeSpan.FromSeconds(40);

    private readonly List<SiloProcess> _silos = [];

    /// <summary>Fields of the ports line of the first silo.</summary>
    public string FirstPorts { get; private set; } = "";

    /// <summary>Starts all silos and waits until they serve.</summary>
    /// <exception cref="CommandFailure">One ended, or was not ready in time.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        for (int silo = 0; silo < options.Silos; silo++)
        {
            string data = DataOf(silo);
            Directory.CreateDirectory(data);
            _silos.Add(SiloProcess.Start(command, Arguments(silo, data), new LogTail(Path.Combine(data, "silo.log"))));
        }

        using var timer = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        // Silos start side by side and share the machine's cores.
        var patience = deadlines.Ready + (deadlines.Ready * ((options.Silos - 1) / (double)Math.Max(1, Environment.ProcessorCount)));
        var timeout = Task.Delay(patience, timer.Token);
        for (int silo = 0; silo < _silos.Count; silo++)
        {
            var process = _silos[silo];
            await Task.WhenAny(process.Ports, process.Exited, timeout);
            cancellationToken.ThrowIfCancellationRequested();
            if (process.Ports.IsCompletedSuccessfully) { continue; }
            throw process.Exited.IsCompleted
                ? Refusal(silo, await process.Exited)
                : new CommandFailure(ExitCodes.SiloLost, FormattableString.Invariant($"silo {silo + 1} was not ready after {patience.TotalSeconds:0} s; everything was ended.{LastLines(silo)}"));
        }

        await timer.CancelAsync();
        FirstPorts = await _silos[0].Ports;
    }

    /// <summary>Reports silos that end, until all have or <paramref name="stop"/> is cancelled.</summary>
    /// <returns>True: some still run.</returns>
    public async Task<bool> WatchAsync(CancellationToken stop)
    {
        var alive = Enumerable.Range(0, _silos.Count).ToList();
        while (alive.Count > 0)
        {
            await Task.WhenAny(alive.Select(silo => _silos[silo].Exited as Task).Append(Task.Delay(Timeout.Infinite, stop)));
            if (stop.IsCancellationRequested) { return true; }
            foreach (int silo in alive.Where(silo => _silos[silo].Exited.IsCompleted).ToArray())
            {
                alive.Remove(silo);
                await output.WriteLineAsync(FormattableString.Invariant($"silo {silo + 1} {await _silos[silo].Exited}; {alive.Count} of {_silos.Count} left. It is not started again.{LastLines(silo)}"));
            }
        }

        return false;
    }

    /// <summary>Asks all silos to leave in order and waits for them.</summary>
    /// <returns>True: all did.</returns>
    public async Task<bool> LeaveAsync(CancellationToken abort)
    {
        foreach (var silo in _silos) { silo.RequestLeave(); }
        try
        {
            await Task.WhenAll(_silos.Select(silo => silo.Exited)).WaitAsync(TimeSpan.FromSeconds(options.DrainTimeout) + s_goodBye, abort);
            return true;
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in _silos) { silo.Kill(); }
        foreach (var silo in _silos) { await silo.DisposeAsync(); }
    }

    internal string[] Arguments(int silo, string data) =>
    [
        .. redis is null ? (string[])["--clustering", "localhost"] : ["--clustering", "redis", "--redis", redis],
        .. options.RedisPasswordFile is { } file ? (string[])["--redis-password-file", file] : [],
        "--cluster-id", options.ClusterId,
        "--data", data,
        "--lanes", options.Lanes.ToString(CultureInfo.InvariantCulture),
        "--device", options.DeviceOf(silo),
        "--drain-timeout", options.DrainTimeout.ToString(CultureInfo.InvariantCulture),
        // The status page: on loopback, where it needs no token.
        "--health-port", "0",
        "--parent-stdin",
        // As for `ctwa train`: the silos have the rights of the user who submits.
        "--open-rewards",
    ];

    private string DataOf(int silo) => Path.Combine(folder, FormattableString.Invariant($"silo-{silo + 1}"));

    private CommandFailure Refusal(int silo, SiloExit exit)
    {
        const string error = "error: ";
        string[] said = [.. _silos[silo].Log.Last(LogTail.KeptLines).Where(line => line.StartsWith(error, StringComparison.Ordinal)).Select(line => line[error.Length..])];
        return exit.Code == ExitCodes.BadInput && said.Length > 0
            ? new CommandFailure(ExitCodes.BadInput, string.Join('\n', said))
            : new CommandFailure(ExitCodes.SiloLost, FormattableString.Invariant($"silo {silo + 1} {exit} before it was ready; everything was ended.{LastLines(silo)}"));
    }

    private string LastLines(int silo)
    {
        string[] lines = _silos[silo].Log.Last(ShownLines);
        return lines.Length == 0 ? "" : $" Last lines of {Path.Combine(DataOf(silo), "silo.log")}:\n  | {string.Join("\n  | ", lines)}";
    }
}
