using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using Ctwa.Client.Grid;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Commands;

/// <summary>The grid that a command speaks to, and as whom.</summary>
/// <param name="Address">Where it is.</param>
/// <param name="Token">Shown with every call; null: none.</param>
internal sealed record GridTarget(GridAddress Address, string? Token)
{
    /// <summary>Never the token.</summary>
    public override string ToString() => Address.ToString()!;
}

/// <summary>The options by which every verb finds its grid; environment variables stand in for them.</summary>
internal sealed class GridOptions
{
    public const string RedisVariable = "CTWA_REDIS", ClusterIdVariable = "CTWA_CLUSTER_ID", TokenVariable = "CTWA_TOKEN";

    private const int LongestToken = 256;

    private readonly Option<string?> redis = new("--redis") { Description = $"The Redis that lists the grid's silos: {RedisEndpoint.Forms}. Default: {RedisVariable}. Its password is read from {RedisEndpoint.PasswordVariable}.", HelpName = "HOST:PORT" };
    private readonly Option<string?> gateway = new("--gateway") { Description = "In place of a Redis: the gateway of one silo.", HelpName = "HOST:PORT" };
    private readonly Option<string?> clusterId = new("--cluster-id") { Description = $"Name of the grid. Default: {ClusterIdVariable}.", HelpName = "NAME" };
    private readonly Option<string?> redisAuthority = new("--redis-ca") { Description = "PEM file with the authority that signed the Redis' certificate; default: the machine's authorities.", HelpName = "FILE" };
    private readonly Option<string?> authority = new("--tls-ca") { Description = "PEM file with the authority that signed the silos' certificates: connections are encrypted.", HelpName = "FILE" };
    private readonly Option<string?> certificate = new("--tls-certificate") { Description = "PEM file with this client's certificate, where silos want one.", HelpName = "FILE" };
    private readonly Option<string?> key = new("--tls-key") { Description = "PEM file with its private key.", HelpName = "FILE" };

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[redis, gateway, clusterId, redisAuthority, authority, certificate, key]) { command.Add(option); }
    }

    /// <summary>The values of a command line.</summary>
    /// <param name="environment">Reads variables.</param>
    /// <exception cref="CommandFailure">Everything that is missing or wrong.</exception>
    public GridTarget Read(ParseResult parsed, Func<string, string?> environment)
    {
        var errors = new List<string>();
        string? Or(Option<string?> option, string variable) => parsed.GetValue(option) ?? (environment(variable) is { Length: > 0 } set ? set : null);
        string? redisText = parsed.GetValue(gateway) is null ? Or(redis, RedisVariable) : parsed.GetValue(redis), cluster = Or(clusterId, ClusterIdVariable), token = environment(TokenVariable) is { Length: > 0 } given ? given : null;
        if (cluster is null) { errors.Add($"--cluster-id is missing; give the name of the grid, or set {ClusterIdVariable}."); }
        if (token?.Length > LongestToken) { errors.Add(FormattableString.Invariant($"{TokenVariable} has {token.Length} characters; accepted are at most {LongestToken}.")); }
        if (redisText is not null && parsed.GetValue(gateway) is not null) { errors.Add("--redis and --gateway exclude each other; give one of them."); }
        if (redisText is null && parsed.GetValue(gateway) is null) { errors.Add($"where is the grid? Give --redis HOST:PORT (or set {RedisVariable}), or --gateway HOST:PORT of one silo."); }
        foreach (var (name, file) in new[] { (redisAuthority, parsed.GetValue(redisAuthority)), (authority, parsed.GetValue(authority)), (certificate, parsed.GetValue(certificate)), (key, parsed.GetValue(key)) })
        {
            if (file is not null && !File.Exists(file)) { errors.Add($"{name.Name} is '{file}', and there is no such file."); }
        }

        if (parsed.GetValue(authority) is null && (parsed.GetValue(certificate) ?? parsed.GetValue(key)) is not null) { errors.Add("--tls-certificate and --tls-key go with --tls-ca."); }
        GridAddress? address = null;
        try
        {
            address = parsed.GetValue(gateway) is { } text ? new GridAddress.Gateway(ParseEndpoint(text), cluster ?? "")
                : redisText is not null ? new GridAddress.Redis(RedisEndpoint.Parse(redisText) with { Password = environment(RedisEndpoint.PasswordVariable) is { Length: > 0 } password ? password : null, CertificateAuthority = parsed.GetValue(redisAuthority) }, cluster ?? "")
                : null;
        }
        catch (FormatException wrong) { errors.Add($"{(parsed.GetValue(gateway) is null ? "--redis" : "--gateway")} {wrong.Message}"); }

        if (errors.Count > 0) { throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors)); }
        return new GridTarget(address! with { Tls = parsed.GetValue(authority) is { } trusted ? new GatewayTrust(trusted, parsed.GetValue(certificate), parsed.GetValue(key)) : null }, token);
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
