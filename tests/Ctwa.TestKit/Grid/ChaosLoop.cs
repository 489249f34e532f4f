using System.Diagnostics;
using System.Globalization;
using Ctwa.TestKit.Processes;

namespace Ctwa.TestKit.Grid;

/// <summary>
/// Runs a job again and again on a grid of real processes, does one thing to the grid in each run, and compares what comes out
/// with a run that nobody disturbed on a grid of one silo.
/// </summary>
public sealed class ChaosLoop : IAsyncDisposable
{
    /// <summary>A run that takes longer hangs.</summary>
    public static readonly TimeSpan Deadline = TimeSpan.FromMinutes(3);

    private const long DiskBytes = 24 << 20;
    private readonly string _folder;
    private readonly string _job;
    private readonly int _silos;
    private readonly Action<string> _print;
    private readonly ChaosNetwork _network;
    private RedisServer _redis;
    private LocalGrid? _grid;
    private RunFolder? _expected;
    private int _lines;
    private int _supervised;
    private int _grids;
    private int _runs;

    private ChaosLoop(string folder, string job, int silos, Action<string> print, ChaosNetwork network, RedisServer redis) =>
        (_folder, _job, _silos, _print, _network, _redis) = (folder, job, silos, print, network, redis);

    /// <summary>The undisturbed run.</summary>
    public RunFolder Expected => _expected ?? throw new InvalidOperationException("there is no undisturbed run yet.");

    /// <summary>Runs the job undisturbed.</summary>
    /// <param name="folder">Of everything that is written.</param>
    /// <param name="job">Job file.</param>
    /// <param name="silos">Silos of the disturbed grid.</param>
    /// <param name="print">Told about every run.</param>
    /// <exception cref="InvalidOperationException">The undisturbed run failed.</exception>
    public static async Task<ChaosLoop> StartAsync(string folder, string job, int silos, Action<string> print)
    {
        var network = await ChaosNetwork.StartAsync(Directory.CreateDirectory(folder).FullName);
        RedisServer redis;
        try
        {
            redis = await RedisServer.StartAsync(prefix: network.Place.Prefix);
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }

        var loop = new ChaosLoop(folder, job, silos, print, network, redis);
        try
        {
            await loop.UndisturbedAsync();
            return loop;
        }
        catch
        {
            await loop.DisposeAsync();
            throw;
        }
    }

    /// <summary>One run with one fault.</summary>
    public async Task<ChaosResult> RunAsync(Fault fault)
    {
        var run = new RunFolder(Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"run-{++_runs}"), string.Create(CultureInfo.InvariantCulture, $"seed-{fault.Seed}-{_runs}")));
        SmallDisk? disk = null;
        var clock = Stopwatch.StartNew();
        string at = "";
        double? next = null, detected = null;
        try
        {
            string? parent = Path.GetDirectoryName(run.FullPath)!;
            if (fault.Kind == FaultKind.DiskFull)
            {
                (disk, string? whyNot) = await SmallDisk.TryMountAsync(parent, DiskBytes);
                if (disk is null) { return new ChaosResult(fault, at, 0, null, null, null, whyNot); }
            }

            var grid = await GridAsync();
            clock.Restart();
            await using var client = await grid.SubmitAsync(_job, run.FullPath);
            if (await RunProgress.WaitAsync(run, LineOf(fault.Moment), client, Deadline))
            {
                await Task.Delay(fault.Delay);
                var before = RunProgress.Of(run);
                var since = TimeProvider.System.GetUtcNow();
                at = await DisturbAsync(grid, fault, run, disk, client, before);
                if (at.Length > 0) { (next, detected) = await RecoveryAsync(grid, fault, run, client, since, before); }
            }

            int code = await client.WaitAsync(Deadline);
            string? failure = code == 0 ? Difference(run) : code == StorageFailed && disk is not null ? await ResumeAsync(grid, run) : Ended(client, code);
            return new ChaosResult(fault, at, clock.Elapsed.TotalSeconds, next, detected, failure, null);
        }
        catch (NotSupportedException whyNot)
        {
            return new ChaosResult(fault, at, clock.Elapsed.TotalSeconds, null, null, null, whyNot.Message.TrimEnd('.'));
        }
        catch (Exception hang) when (hang is TimeoutException or InvalidOperationException or IOException)
        {
            await DropGridAsync();
            return new ChaosResult(fault, at, clock.Elapsed.TotalSeconds, next, detected, hang.Message, null);
        }
        finally
        {
            await AfterAsync(fault);
            if (disk is not null) { await disk.DisposeAsync(); }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await DropGridAsync();
        await _redis.DisposeAsync();
        await _network.DisposeAsync();
    }

    // See docs/exit-codes.md.
    private const int StorageFailed = 5;

    private async Task UndisturbedAsync()
    {
        _expected = new RunFolder(Path.Combine(_folder, "undisturbed"));
        await using var grid = await NewGridAsync(1);
        await using var client = await grid.SubmitAsync(_job, _expected.FullPath);
        int code = await client.WaitAsync(Deadline);
        if (code != 0) { throw new InvalidOperationException($"the undisturbed run ended with exit code {code}:\n{client.ReadLog()}"); }
        _lines = _expected.History.Count;
        _supervised = Math.Max(1, _expected.Steps.Count(step => step.StartsWith("supervised", StringComparison.Ordinal)));
        _print($"undisturbed, one silo: {_expected.ModelHash[..16]}, {_lines} lines of metrics{(_network.WhyNoSpace is { } why ? $"; only connections to Redis can be disturbed: {why}" : "")}");
    }

    private Task<LocalGrid> NewGridAsync(int silos) => LocalGrid.StartAsync(
        Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"grid-{++_grids}")), _redis, silos,
        new GridSettings { RedisAddress = _network.AddressOf(_redis), PlaceOf = _ => _network.Place, ClientPlace = _network.Place });

    private async Task<LocalGrid> GridAsync()
    {
        if (_grid is null) { _grid = await NewGridAsync(_silos); }
        else { await _grid.RepairAsync(); }
        return _grid;
    }

    private async Task DropGridAsync()
    {
        if (_grid is not null) { await _grid.DisposeAsync(); }
        _grid = null;
    }

    /// <summary>What a fault leaves behind for the next run is another grid only where it must be.</summary>
    private async Task AfterAsync(Fault fault)
    {
        if (!_redis.IsRunning) { await _redis.RestartAsync(keepData: true); }
        if (fault.Kind is FaultKind.Join or FaultKind.RedisWipe) { await DropGridAsync(); }
    }

    /// <returns>Where the run stood.</returns>
    private async Task<string> DisturbAsync(LocalGrid grid, Fault fault, RunFolder run, SmallDisk? disk, GridProcess client, RunProgress before)
    {
        if (!client.IsRunning) { return ""; }
        var victim = fault.Kind == FaultKind.KillCoordinator ? grid.CoordinatorOf(run) : grid.Silos[fault.Victim];
        if (victim is null) { throw new InvalidOperationException($"run.lock.holder of {run.FullPath} names no silo of this grid."); }
        switch (fault.Kind)
        {
            case FaultKind.Kill or FaultKind.KillCoordinator: victim.Send(UnixSignal.Kill); break;
            case FaultKind.Terminate: victim.Send(UnixSignal.Terminate); break;
            case FaultKind.Freeze:
                victim.Send(UnixSignal.Freeze);
                _ = LaterAsync(fault.Length, () => victim.Send(UnixSignal.Continue));
                break;
            case FaultKind.Join: await grid.JoinAsync(); break;
            case FaultKind.RedisRestart or FaultKind.RedisWipe:
                await _redis.KillAsync();
                await Task.Delay(fault.Length);
                await _redis.RestartAsync(keepData: fault.Kind == FaultKind.RedisRestart);
                break;
            case FaultKind.TornSockets: await _network.TearAsync(victim); break;
            case FaultKind.SlowNetwork: await _network.SlowAsync(fault.Length); break;
            case FaultKind.DiskFull:
                disk!.Fill();
                await Task.WhenAny(Task.Delay(fault.Length), client.WaitAsync(Deadline));
                disk.Free();
                break;
        }

        bool coordinated = fault.Kind == FaultKind.Kill && grid.CoordinatorOf(run) is null;
        return string.Create(CultureInfo.InvariantCulture, $"{before.Stage} {before.Step}{(coordinated ? ", the coordinator" : "")}");
    }

    /// <summary>When the next step was completed; after a kill also when a survivor took the silo for dead.</summary>
    private static async Task<(double? Next, double? Detected)> RecoveryAsync(LocalGrid grid, Fault fault, RunFolder run, GridProcess client, DateTimeOffset since, RunProgress before)
    {
        // The others last for a while themselves, or harm nobody.
        if (fault.Kind is not (FaultKind.Kill or FaultKind.KillCoordinator or FaultKind.Freeze or FaultKind.Terminate or FaultKind.TornSockets)) { return (null, null); }
        double? next = null;
        while (client.IsRunning && TimeProvider.System.GetUtcNow() - since < Deadline)
        {
            if (RunProgress.Of(run).Lines > before.Lines)
            {
                next = (TimeProvider.System.GetUtcNow() - since).TotalSeconds;
                break;
            }

            await Task.Delay(15);
        }

        if (fault.Kind is not (FaultKind.Kill or FaultKind.KillCoordinator)) { return (next, null); }
        var seen = grid.Silos.Where(silo => silo.IsRunning).Select(silo => SiloLog.FirstSince(silo, since, SiloLog.CallsDead)).OfType<DateTimeOffset>().ToArray();
        return (next, seen.Length > 0 ? (seen.Min() - since).TotalSeconds : null);
    }

    /// <summary>One moment in four lies in the supervised stage: its steps are many and small.</summary>
    private int LineOf(double moment) => moment < 0.25
        ? 1 + (int)(moment / 0.25 * (_supervised - 1))
        : _supervised + (int)((moment - 0.25) / 0.75 * (_lines - _supervised));

    /// <summary>A full disk stops a job; with space again it is resumed.</summary>
    private async Task<string?> ResumeAsync(LocalGrid grid, RunFolder run)
    {
        await using var client = await grid.ClientAsync("resume", "submit", "--resume", run.FullPath, "--wait");
        int code = await client.WaitAsync(Deadline);
        return code == 0 ? Difference(run) : "resumed, " + Ended(client, code);
    }

    private static string Ended(GridProcess client, int code) => $"exit code {code}:\n{string.Join('\n', client.ReadLog().TrimEnd().Split('\n').TakeLast(12))}";

    private string? Difference(RunFolder run)
    {
        if (run.ModelHash != Expected.ModelHash) { return $"other weights: {run.ModelHash}, undisturbed {Expected.ModelHash}; {run.FullPath}"; }
        if (run.ScalarizerState != Expected.ScalarizerState) { return $"another state of the method: {run.ScalarizerState}, undisturbed {Expected.ScalarizerState}; {run.FullPath}"; }
        var (mine, theirs) = (run.History, Expected.History);
        if (mine.Count != theirs.Count) { return $"{run.FullPath}/metrics.jsonl has {mine.Count} lines, undisturbed {theirs.Count}: {string.Join(", ", run.Steps)}"; }
        for (int i = 0; i < mine.Count; i++)
        {
            if (mine[i] != theirs[i]) { return $"{run.FullPath}/metrics.jsonl tells another history in line {i + 1}:\n    {mine[i]}\n    {theirs[i]}"; }
        }

        return null;
    }

    private static async Task LaterAsync(TimeSpan delay, Action action)
    {
        await Task.Delay(delay);
        action();
    }
}
