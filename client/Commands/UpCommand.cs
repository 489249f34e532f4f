using System.CommandLine;
using Ctwa.Client.Supervision;
using Ctwa.Client.LocalGrids;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary><c>ctwa up</c>: a grid on this machine, for as long as the command runs.</summary>
internal static class UpCommand
{
    private static readonly Option<int> Silos = new("--silos") { Description = "How many silos; more than one share their work by a Redis.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string?> Redis = new("--redis") { Description = $"A Redis that runs: {RedisEndpoint.Forms}; its password in {RedisEndpoint.PasswordVariable} or a file. Default with several silos: one is started here, on loopback.", HelpName = "host:port" };
    private static readonly Option<string?> PasswordFile = new("--redis-password-file") { Description = "File whose first line is its password.", HelpName = "file" };
    private static readonly Option<string> ClusterId = new("--cluster-id") { Description = "Name of the grid.", HelpName = "name", DefaultValueFactory = _ => "ctwa" };
    private static readonly Option<string> Data = new("--data") { Description = "Folder of logs, records, and of the Redis that is started here. The same folder again finds its jobs.", HelpName = "dir", DefaultValueFactory = _ => "grid" };
    private static readonly Option<int> Lanes = new("--lanes") { Description = "Compute lanes of each silo.", HelpName = "n", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> Device = new("--device") { Description = "Where models compute: auto, cpu or cuda:N for all silos; cuda:0,cuda:1 or cuda:all: one GPU for each.", HelpName = "device", DefaultValueFactory = _ => "auto" };
    private static readonly Option<int> Drain = new("--drain-timeout") { Description = "Seconds that silos wait for their work when the grid is ended.", HelpName = "seconds", DefaultValueFactory = _ => 15 };

    private static readonly Option<bool> Detach = new("--detach", "-d") { Description = "Return when the silos serve; the grid runs until ctwa down." };
    private static readonly Option<string?> Silo = SiloOption.Create();

    public static Command Create()
    {
        var command = new Command("up", "Run a grid of silos on this machine, until Ctrl-C or ctwa down.") { Silos, Redis, PasswordFile, ClusterId, Data, Lanes, Device, Drain, Detach, Silo };
        command.SetAction((parsed, _) => RunAsync(Read(parsed), parsed.GetValue(Detach), parsed.GetValue(Silo), parsed.InvocationConfiguration.Output));
        return command.WithExamples(
            ("ctwa up", "one silo, in the foreground"),
            ("ctwa up --silos 3 --detach", "three silos and a Redis, in the background; end them with ctwa down"),
            ("ctwa up --silos 2 --device cuda:all --data /srv/grid", "one silo per GPU"));
    }

    internal static UpOptions Read(ParseResult parsed) => new()
    {
        Silos = parsed.GetValue(Silos),
        Redis = parsed.GetValue(Redis),
        RedisPasswordFile = parsed.GetValue(PasswordFile),
        ClusterId = parsed.GetValue(ClusterId)!,
        Data = parsed.GetValue(Data)!,
        Lanes = parsed.GetValue(Lanes),
        Device = parsed.GetValue(Device)!,
        DrainTimeout = parsed.GetValue(Drain),
    };

    private static async Task<int> RunAsync(UpOptions options, bool detach, string? siloPath, TextWriter output)
    {
        if (options.Errors().ToArray() is { Length: > 0 } errors) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        var command = SiloCommand.Find(siloPath);
        string folder = MakeFolder(options.Data);
        using var signals = StopSignals.Listen();
        if (detach) { return await DetachAsync(options, folder, siloPath, signals, output); }
        using var owner = GridRecord.Claim(folder, options.Data);
        var record = new GridRecord { Process = ProcessIdentity.Self, Silos = options.Silos, ClusterId = options.ClusterId, DrainTimeout = options.DrainTimeout, StartedAt = TimeProvider.System.GetUtcNow() };
        record.Write(folder);
        try
        {
            await using var redis = options is { Redis: null, Silos: > 1 } ? await LocalRedis.StartAsync(Path.Combine(folder, "redis"), signals.Stop) : null;
            string? address = options.Redis ?? (redis is null ? null : FormattableString.Invariant($"127.0.0.1:{redis.Port}"));
            await using var grid = new LocalGrid(command, options, address, folder, output, new Deadlines());
            await output.WriteLineAsync(FormattableString.Invariant($"starting {options.Silos} {(options.Silos == 1 ? "silo" : "silos")}; logs in {options.Data}"));
            await grid.StartAsync(signals.Stop);
            string where = Where(options, address, grid.FirstPorts);
            string page = $"http://127.0.0.1:{Port(grid.FirstPorts, "health")}/status";
            (record with { Where = where, StatusPage = page }).Write(folder);
            await output.WriteLineAsync($"ready. Submit jobs with:\n  ctwa submit JOB {where}\nSee them at:\n  {page}\nCtrl-C ends the grid.");
            _ = ReportAsync(redis, output, signals.Stop);
            if (!await grid.WatchAsync(signals.Stop)) { throw new CommandFailure(ExitCodes.SiloLost, "all silos have ended."); }
            await output.WriteLineAsync("ending: silos finish what they have begun (Ctrl-C again ends at once)");
            return await grid.LeaveAsync(signals.Abort) ? ExitCodes.Success : signals.ExitCode;
        }
        catch (OperationCanceledException) when (signals.Stop.IsCancellationRequested)
        {
            return signals.ExitCode;
        }
        finally
        {
            GridRecord.Remove(folder);
        }
    }

    private static async Task<int> DetachAsync(UpOptions options, string folder, string? siloPath, StopSignals signals, TextWriter output)
    {
        try
        {
            var record = await DetachedGrid.StartAsync(options, folder, siloPath, signals);
            await output.WriteLineAsync(FormattableString.Invariant($"a grid of {options.Silos} {(options.Silos == 1 ? "silo" : "silos")} runs in the background (process {record.Process.Id}); logs in {options.Data}. Submit jobs with:\n  ctwa submit JOB {record.Where}\nor name it once:\n  ctwa context add {options.ClusterId} {record.Where}\nSee them at:\n  {record.StatusPage}\nEnd it with:\n  ctwa down --data {Jobs.RunDirectory.ShellQuote(options.Data)}"));
            return ExitCodes.Success;
        }
        catch (OperationCanceledException)
        {
            return signals.ExitCode;
        }
    }

    private static string Where(UpOptions options, string? redis, string ports) => redis is not null
        ? $"--redis {redis} --cluster-id {options.ClusterId}"
        : $"--gateway 127.0.0.1:{Port(ports, "gateway")} --cluster-id {options.ClusterId}";

    private static string Port(string ports, string name) => ports.Split(' ').First(field => field.StartsWith(name + "=", StringComparison.Ordinal))[(name.Length + 1)..];

    private static async Task ReportAsync(LocalRedis? redis, TextWriter output, CancellationToken stop)
    {
        if (redis is null) { return; }
        await redis.Exited;
        if (!stop.IsCancellationRequested) { await output.WriteLineAsync("the Redis has ended. The silos go on with what they do, but none can join or be replaced: end the grid with Ctrl-C and start it again."); }
    }

    private static string MakeFolder(string path)
    {
        try { return Directory.CreateDirectory(path).FullName; }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CommandFailure(ExitCodes.StorageFailed, $"--data {path} cannot be made: {error.Message}");
        }
    }
}
