using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Ctwa.Client.Contexts;
using Ctwa.Client.Grid;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary>The grid that a command speaks to, and as whom.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="Token">Shown with every call; null: none.</param>
internal sealed record GridTarget(GridAddress Address, string? Token)
{
    /// <summary>Name of the context that it comes from; null: options or variables named it.</summary>
    public string? Context { get; init; }

    /// <summary>Never the token.</summary>
    public override string ToString() => Context is null ? Address.ToString()! : $"{Address} (context {Context})";
}

/// <summary>
/// The options by which every verb finds its grid. Where it is comes from one place only, the first of: <c>--context</c>, the
/// options of the command line, <c>CTWA_CONTEXT</c>, <c>CTWA_REDIS</c>, the current context. So a token never goes to a grid that it is not for.
/// </summary>
internal sealed class GridOptions
{
    public const string RedisVariable = "CTWA_REDIS", ClusterIdVariable = "CTWA_CLUSTER_ID", TokenVariable = "CTWA_TOKEN", ContextVariable = "CTWA_CONTEXT";

    private const int LongestToken = 256;

    private readonly Option<string?> context = new("--context") { Description = $"The grid that ctwa context add gave this name. Default: {ContextVariable}, else the current context.", HelpName = "NAME" };
    private readonly Option<string?> redis = new("--redis") { Description = $"The Redis that lists the grid's silos: {RedisEndpoint.Forms}. Default: {RedisVariable}. Its password is read from {RedisEndpoint.PasswordVariable}.", HelpName = "HOST:PORT" };
    private readonly Option<string?> gateway = new("--gateway") { Description = "In place of a Redis: the gateway of one silo.", HelpName = "HOST:PORT" };
    private readonly Option<string?> clusterId = new("--cluster-id") { Description = $"Name of the grid. Default: {ClusterIdVariable}.", HelpName = "NAME" };
    private readonly Option<string?> redisAuthority = new("--redis-ca") { Description = "PEM file with the authority that signed the Redis' certificate; default: the machine's authorities.", HelpName = "FILE" };
    private readonly Option<string?> authority = new("--tls-ca") { Description = "PEM file with the authority that signed the silos' certificates: connections are encrypted.", HelpName = "FILE" };
    private readonly Option<string?> certificate = new("--tls-certificate") { Description = "PEM file with this client's certificate, where silos want one.", HelpName = "FILE" };
    private readonly Option<string?> key = new("--tls-key") { Description = "PEM file with its private key.", HelpName = "FILE" };

    /// <summary>Names the context; <c>ctwa context add</c> has none.</summary>
    public Option<string?> Context => context;

    private Option<string?>[] Places => [redis, gateway, redisAuthority, authority, certificate, key];

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[context, .. Places, clusterId]) { command.Add(option); }
    }

    /// <summary>The options that a context is made of, with those that name its variables.</summary>
    public void AddPlacesTo(Command command)
    {
        foreach (Option option in (Option[])[.. Places, clusterId]) { command.Add(option); }
    }

    /// <summary>The options as a context; files by their full paths.</summary>
    /// <param name="here">Folder of relative paths.</param>
    public GridContext ReadContext(ParseResult parsed, string here)
    {
        string? File(Option<string?> option) => parsed.GetValue(option) is { } file ? Path.GetFullPath(file, here) : null;
        return new GridContext
        {
            Redis = parsed.GetValue(redis),
            Gateway = parsed.GetValue(gateway),
            ClusterId = parsed.GetValue(clusterId) ?? "",
            RedisCa = File(redisAuthority),
            TlsCa = File(authority),
            TlsCertificate = File(certificate),
            TlsKey = File(key),
        };
    }

    /// <summary>The values of a command line.</summary>
    /// <param name="environment">Reads variables.</param>
    /// <param name="contexts">The user's contexts; null: they have none.</param>
    /// <exception cref="CommandFailure">Everything that is missing or wrong.</exception>
    public GridTarget Read(ParseResult parsed, Func<string, string?> environment, ContextFile? contexts = null)
    {
        string? Variable(string name) => environment(name) is { Length: > 0 } set ? set : null;
        bool placed = parsed.GetValue(redis) is not null || parsed.GetValue(gateway) is not null;
        var (name, named) = Choose(parsed.GetValue(context), placed, Variable, contexts);
        if (named is not null && Places.FirstOrDefault(option => parsed.GetValue(option) is not null) is { } both)
        {
            throw new CommandFailure(ExitCodes.BadInput, $"{both.Name} and the context '{name}' exclude each other: a context says where its grid is and how it is reached.");
        }

        var place = named ?? ReadContext(parsed, Environment.CurrentDirectory) with { ClusterId = Variable(ClusterIdVariable) ?? "" };
        if (named is null && !placed) { place = place with { Redis = Variable(RedisVariable) }; }
        if (parsed.GetValue(clusterId) is { } cluster) { place = place with { ClusterId = cluster }; }
        return Target(place, name, Variable, advise: true);
    }

    /// <summary>The grid of a context.</summary>
    /// <param name="place">Where it is.</param>
    /// <param name="name">Name of the context; null: it has none.</param>
    /// <param name="variable">Reads variables; an empty one is none.</param>
    /// <param name="advise">It is for use: variables that it names must be set.</param>
    /// <exception cref="CommandFailure">Everything that is missing or wrong.</exception>
    public static GridTarget Target(GridContext place, string? name, Func<string, string?> variable, bool advise)
    {
        var errors = new List<string>();
        if (place.ClusterId.Length == 0) { errors.Add($"--cluster-id is missing; give the name of the grid, or set {ClusterIdVariable}."); }
        if (place is { Redis: not null, Gateway: not null }) { errors.Add("--redis and --gateway exclude each other; give one of them."); }
        if (place is { Redis: null, Gateway: null }) { errors.Add($"where is the grid? Give --redis HOST:PORT (or set {RedisVariable}), or --gateway HOST:PORT of one silo{(name is null ? ", or name one once with ctwa context add" : "")}."); }
        foreach (var (option, file) in new[] { ("--redis-ca", place.RedisCa), ("--tls-ca", place.TlsCa), ("--tls-certificate", place.TlsCertificate), ("--tls-key", place.TlsKey) })
        {
            if (file is not null && !File.Exists(file)) { errors.Add($"{option} is '{file}', and there is no such file."); }
        }

        if (place.TlsCa is null && (place.TlsCertificate ?? place.TlsKey) is not null) { errors.Add("--tls-certificate and --tls-key go with --tls-ca."); }
        string? Secret(string? chosen, string usual, string what)
        {
            string? value = variable(chosen ?? usual);
            if (advise && chosen is not null && value is null) { errors.Add($"context '{name}' takes {what} from the variable {chosen}, which is not set."); }
            return value;
        }

        string? token = Secret(place.TokenEnv, TokenVariable, "its token"), password = Secret(place.RedisPasswordEnv, RedisEndpoint.PasswordVariable, "the password of its Redis");
        if (token?.Length > LongestToken) { errors.Add(FormattableString.Invariant($"{place.TokenEnv ?? TokenVariable} has {token.Length} characters; accepted are at most {LongestToken}.")); }
        GridAddress? address = null;
        try
        {
            address = place.Gateway is { } text ? new GridAddress.Gateway(ParseEndpoint(text), place.ClusterId)
                : place.Redis is { } store ? new GridAddress.Redis(RedisEndpoint.Parse(store) with { Password = password, CertificateAuthority = place.RedisCa }, place.ClusterId)
                : null;
        }
        catch (FormatException wrong) { errors.Add($"{(place.Gateway is null ? "--redis" : "--gateway")} {wrong.Message}"); }

        if (errors.Count > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        return new GridTarget(address! with { Tls = place.TlsCa is { } trusted ? new GatewayTrust(trusted, place.TlsCertificate, place.TlsKey) : null }, token) { Context = name };
    }

    private static (string? Name, GridContext? Context) Choose(string? option, bool placed, Func<string, string?> variable, ContextFile? contexts)
    {
        if (option is null && placed) { return default; }
        string? asked = option ?? variable(ContextVariable);
        if (asked is null && variable(RedisVariable) is not null) { return default; }
        var book = contexts?.Load() ?? new ContextBook();
        if ((asked ?? book.Current) is not { } name) { return default; }
        if (book.Contexts.TryGetValue(name, out var found)) { return (name, found); }
        string from = option is not null ? "--context" : asked is not null ? ContextVariable : "the current context";
        string known = book.Contexts.Count == 0 ? "there are none; add one with ctwa context add" : $"known are {string.Join(", ", book.Contexts.Keys)}";
        throw new CommandFailure(ExitCodes.BadInput, $"{from} is '{name}', and there is no such context; {known}.");
    }

    private static IPEndPoint ParseEndpoint(string text)
    {
        int colon = text.LastIndexOf(':');
        string host = colon < 0 ? "127.0.0.1" : text[..colon];
        if (!int.TryParse(text.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out int port) || port is < 1 or > 65535) { throw new FormatException($"is '{text}'; accepted is HOST:PORT with a port from 1 to 65535."); }
        if (IPAddress.TryParse(host.Trim('[', ']'), out var address)) { return new IPEndPoint(address, port); }
        try { return new IPEndPoint(Dns.GetHostAddresses(host).FirstOrDefault() ?? throw new FormatException($"names the host '{host}', which has no address."), port); }
        catch (Exception unknown) when (unknown is System.Net.Sockets.SocketException or ArgumentException) { throw new FormatException($"names the host '{host}', which is not known: {unknown.Message}", unknown); }
    }
}
