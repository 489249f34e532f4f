using System.CommandLine;
using System.CommandLine.Parsing;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>The silo's command line, with what the environment and a file add to it.</summary>
internal sealed class SiloCommand
{
    private readonly ClusterOptionGroup _cluster = new();
    private readonly WorkOptionGroup _work = new();
    private readonly RewardPolicyOptions _rewards = new();
    private readonly PlaceOptionGroup _place = new();
    private readonly TelemetryOptionGroup _telemetry = new();
    private readonly Option<int?> _health = Values.OptionalWhole("--health-port", "Port for HTTP on the address of --bind: probes (/healthz, /readyz), /metrics and the status page (/status); 0: any free one. Default: none.", 0, 65535, "PORT");
    private readonly Option<bool> _dashboard = new("--dashboard") { Description = "Serve the dashboard of Orleans at /dashboard of --health-port, for administrators; give it to every silo of the grid or to none." };
    private readonly Option<int> _drain = Values.Whole("--drain-timeout", "Seconds that a silo which was asked to leave (SIGTERM, Ctrl-C) waits for its work to end. Default: 60.", 0, 86400, 60, "SECONDS");
    private readonly Option<int> _stuck = Values.Whole("--stuck-after", "Seconds after which a piece of work on a lane counts as hanging; /healthz says so. Default: 1800.", 1, 604800, 1800, "SECONDS");
    private readonly Option<bool> _parentStdin = new("--parent-stdin") { Description = "End when standard input ends, and ignore Ctrl-C: the parent decides." };

    private SiloCommand()
    {
        _cluster.AddTo(Root);
        _work.AddTo(Root);
        _rewards.AddTo(Root);
        _place.AddTo(Root);
        _telemetry.AddTo(Root);
        foreach (Option option in (Option[])[_health, _dashboard, _drain, _stuck, _parentStdin]) { Root.Add(option); }
        OptionSources.AddTo(Root);
    }

    public RootCommand Root { get; } = new($"A silo of the Ctwa grid. Each option can also be set by an environment variable ({OptionSources.Prefix}LANES for --lanes) or in a JSON file (--config); the command line comes before the environment, the environment before the file.");

    /// <summary>Runs what the arguments ask for.</summary>
    /// <returns>One of <see cref="SiloExitCodes"/>.</returns>
    public static async Task<int> InvokeAsync(string[] arguments, Func<SiloOptions, CancellationToken, Task<int>> run)
    {
        var command = new SiloCommand();
        var parsed = command.Root.Parse(arguments);
        // --help and --version.
        if (parsed.Errors.Count == 0 && parsed.Action is not null) { return await parsed.InvokeAsync(); }
        var (options, errors) = command.Read(arguments, OptionSources.Environment());
        foreach (string error in errors) { await Console.Error.WriteLineAsync("error: " + error); }
        return options is null ? SiloExitCodes.BadInput : await run(options, CancellationToken.None);
    }

    /// <summary>Reads arguments, environment and file.</summary>
    /// <returns>The options, or all mistakes.</returns>
    public static (SiloOptions? Options, IReadOnlyList<string> Errors) Parse(string[] arguments, IReadOnlyDictionary<string, string> environment) => new SiloCommand().Read(arguments, environment);

    private (SiloOptions? Options, IReadOnlyList<string> Errors) Read(string[] arguments, IReadOnlyDictionary<string, string> environment)
    {
        var sources = OptionSources.Read(Root, arguments, environment);
        var parsed = Root.Parse(sources.Arguments);
        string? Variable(string name) => environment.GetValueOrDefault(name);
        string[] errors = [.. sources.Errors, .. parsed.Errors.Select(error => error.Message + sources.OriginOf(error)), .. _cluster.Check(parsed, Variable), .. _place.Check(parsed), .. _telemetry.Check(parsed, Variable), .. CheckOperation(parsed)];
        if (errors.Length > 0) { return (null, errors); }
        try
        {
            return (new SiloOptions
            {
                Cluster = _cluster.Read(parsed, Variable),
                Work = _work.Read(parsed),
                Rewards = _rewards.Read(parsed),
                Folders = _place.ReadFolders(parsed),
                Security = _place.ReadSecurity(parsed, Variable),
                Telemetry = _telemetry.Read(parsed, Variable),
                Operation = new OperationOptions
                {
                    HealthPort = parsed.GetValue(_health),
                    Dashboard = parsed.GetValue(_dashboard),
                    DrainTimeout = TimeSpan.FromSeconds(parsed.GetValue(_drain)),
                    StuckAfter = TimeSpan.FromSeconds(parsed.GetValue(_stuck)),
                    ParentStdin = parsed.GetValue(_parentStdin),
                },
            }, []);
        }
        catch (FormatException wrong)
        {
            return (null, [wrong.Message]);
        }
    }

    private IEnumerable<string> CheckOperation(ParseResult parsed)
    {
        if (Values.Peek(parsed, _dashboard) && parsed.GetResult(_health) is null) { yield return "--dashboard needs --health-port, the port that serves it."; }
    }
}
