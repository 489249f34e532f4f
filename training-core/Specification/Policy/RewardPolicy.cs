namespace Ctwa.Training.Specification;

/// <summary>
/// Which programs, hosts and secrets the jobs of a silo may use: the administrator's list, not the job's. Closed unless said
/// otherwise; a silo that a user starts for their own job is open, since the job runs with the user's rights anyway.
/// </summary>
public sealed record RewardPolicy
{
    /// <summary>Nothing is allowed.</summary>
    public static RewardPolicy Closed { get; } = new();

    /// <summary>Everything is allowed.</summary>
    public static RewardPolicy Open { get; } = new() { IsOpen = true };

    public bool IsOpen { get; init; }

    /// <summary>Absolute paths of programs. An interpreter in this list allows every program in its language.</summary>
    public IReadOnlyList<string> Programs { get; init; } = [];

    public IReadOnlyList<HostPattern> Hosts { get; init; } = [];

    /// <summary>Names of environment variables.</summary>
    public IReadOnlyList<string> Secrets { get; init; } = [];

    /// <summary>Everything that a job uses and this silo does not allow, one line each.</summary>
    /// <param name="job">A checked job.</param>
    public IReadOnlyList<string> Refusals(JobSpec job) => IsOpen ? [] : [.. RewardUses.Of(job).Select(Refusal).OfType<string>()];

    private string? Refusal(RewardUse use) => use.Kind switch
    {
        RewardUseKind.Program => AllowsProgram(use.Value) ? null : $"{use.Key}: the program '{use.Value}' ({use.Owner}) is not allowed on this silo; its administrator can allow it with --allow-program {ProgramPath.Find(use.Value) ?? "PATH"}.",
        RewardUseKind.Host => AllowsHost(use.Value) ? null : $"{use.Key}: requests to '{use.Value}' ({use.Owner}) are not allowed on this silo; its administrator can allow them with --allow-host {Entry(use.Value)}.",
        _ => Secrets.Contains(use.Value, StringComparer.Ordinal) ? null : $"{use.Key}: the environment variable '{use.Value}' ({use.Owner}) is not allowed on this silo; its administrator can allow it with --allow-secret {use.Value}.",
    };

    private bool AllowsProgram(string program) => ProgramPath.Find(program) is { } path && Programs.Any(allowed => ProgramPath.Real(allowed) == ProgramPath.Real(path));

    private bool AllowsHost(string url) => Uri.TryCreate(url, UriKind.Absolute, out var address) && Hosts.Any(host => host.Allows(address));

    private static string Entry(string url) => !Uri.TryCreate(url, UriKind.Absolute, out var address) ? "HOST:PORT"
        : (address.Scheme == Uri.UriSchemeHttp && !address.IsLoopback ? "http://" : "") + FormattableString.Invariant($"{address.Host}:{address.Port}");
}
