using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net;
using Ctwa.Grains.Abstractions;
using Orleans.Hosting.Kubernetes;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>The options that say which grid a silo belongs to and where it is reached.</summary>
internal sealed class ClusterOptionGroup
{
    private const int LongestId = 64;

    private const string RedisWord = "redis";
    private const string Localhost = "localhost";

    private readonly Option<string> _clustering = Values.Word("--clustering", "How silos find each other. localhost (default): one silo, on loopback. redis: any number, listed in a Redis.", Localhost, RedisWord);
    private readonly Option<string?> _clusterId = Values.Of("--cluster-id", "NAME", "Name of the grid; its silos and clients give the same. Required.", ParseId);
    private readonly Option<RedisEndpoint?> _redis = Values.Of("--redis", "HOST:PORT", $"The Redis: {RedisEndpoint.Forms}. Its password is read from {RedisEndpoint.PasswordVariable} or a file.", RedisEndpoint.Parse!);
    private readonly Option<string?> _passwordFile = Values.Of("--redis-password-file", "FILE", "File whose first line is the password of the Redis.", text => SecretFiles.Line(text, 1));
    private readonly Option<bool> _redisTls = new("--redis-tls") { Description = "Connect to the Redis by TLS; the same as a rediss:// address." };
    private readonly Option<string?> _redisAuthority = Values.Of("--redis-ca", "FILE", "PEM file with the authority that signed the Redis' certificate; default: the machine's authorities.", SecretFiles.Existing);
    private readonly Option<int> _siloPort = Values.Port("--silo-port", "Port for other silos.");
    private readonly Option<int> _gatewayPort = Values.Port("--gateway-port", "Port for clients.");
    private readonly Option<int> _channelPort = Values.Port("--channel-port", "Port that serves tensors to other silos.");
    private readonly Option<IPAddress?> _advertise = Values.Of("--advertise", "ADDRESS", "IP address by which silos and clients of other machines reach this silo; default 127.0.0.1, this machine only.", ParseAddress);
    private readonly Option<IPAddress?> _bind = Values.Of("--bind", "ADDRESS", "IP address to listen on; default: that of --advertise. 0.0.0.0: all.", ParseAddress);

    private readonly Option<bool> _kubernetes = new("--kubernetes") { Description = $"The silo runs in a pod: silos whose pods were deleted are taken off the list of members at once. Needs {KubernetesHostingOptions.PodNameEnvironmentVariable} and {KubernetesHostingOptions.PodNamespaceEnvironmentVariable} in the environment, the labels {KubernetesHostingOptions.ServiceIdLabel} and {KubernetesHostingOptions.ClusterIdLabel} on the pod, and a service account that may get, list and watch pods." };

    public void AddTo(RootCommand root)
    {
        foreach (Option option in (Option[])[_clustering, _clusterId, _redis, _passwordFile, _redisTls, _redisAuthority, _siloPort, _gatewayPort, _channelPort, _advertise, _bind, _kubernetes]) { root.Add(option); }
    }

    /// <summary>The values of a command line without errors.</summary>
    public ClusterOptions Read(ParseResult parsed, Func<string, string?> environment)
    {
        var advertise = parsed.GetValue(_advertise) ?? IPAddress.Loopback;
        return new ClusterOptions
        {
            ClusterId = parsed.GetValue(_clusterId)!,
            Redis = parsed.GetValue(_clustering) == RedisWord && parsed.GetValue(_redis) is { } redis
                ? redis with
                {
                    Password = parsed.GetValue(_passwordFile) ?? (environment(RedisEndpoint.PasswordVariable) is { Length: > 0 } password ? password : null),
                    Tls = redis.Tls || parsed.GetValue(_redisTls),
                    CertificateAuthority = parsed.GetValue(_redisAuthority),
                }
                : null,
            SiloPort = parsed.GetValue(_siloPort),
            GatewayPort = parsed.GetValue(_gatewayPort),
            ChannelPort = parsed.GetValue(_channelPort),
            Advertise = advertise,
            Bind = parsed.GetValue(_bind) ?? advertise,
            Pod = parsed.GetValue(_kubernetes) ? new PodPlace(environment(KubernetesHostingOptions.PodNamespaceEnvironmentVariable)!, environment(KubernetesHostingOptions.PodNameEnvironmentVariable)!) : null,
        };
    }

    /// <summary>Mistakes that lie between options.</summary>
    public IEnumerable<string> Check(ParseResult parsed, Func<string, string?> environment)
    {
        bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
        if (!IsGiven(_clusterId)) { yield return "--cluster-id is missing; give the name of the grid, the same for its silos and clients."; }
        switch (IsGiven(_clustering) ? Values.Peek(parsed, _clustering) : Localhost)
        {
            case RedisWord when !IsGiven(_redis):
                yield return $"--redis is missing; --clustering redis needs the address of one: {RedisEndpoint.Forms}.";
                break;
            case Localhost:
                foreach (var option in ((Option[])[_redis, _passwordFile, _redisTls, _redisAuthority, _advertise, _bind, _kubernetes]).Where(IsGiven))
                {
                    yield return $"{option.Name} goes with --clustering redis; --clustering localhost is one silo on loopback.";
                }

                break;
        }

        if (IsGiven(_redisAuthority) && Values.Peek(parsed, _redis) is { Tls: false } && !Values.Peek(parsed, _redisTls)) { yield return "--redis-ca goes with --redis-tls or a rediss:// address."; }
        if (Values.Peek(parsed, _advertise) is { } any && (any.Equals(IPAddress.Any) || any.Equals(IPAddress.IPv6Any))) { yield return $"--advertise is {any}, which is no address that others could connect to; give that of this machine."; }
        int[] ports = [.. ((Option<int>[])[_siloPort, _gatewayPort, _channelPort]).Select(option => Values.Peek(parsed, option)).Where(port => port != 0)];
        if (ports.Length != ports.Distinct().Count()) { yield return "--silo-port, --gateway-port and --channel-port must differ."; }
        if (Values.Peek(parsed, _kubernetes))
        {
            foreach (string wrong in CheckPod(Values.Peek(parsed, _clusterId), environment)) { yield return wrong; }
        }
    }

    /// <summary>What Orleans' hosting on Kubernetes reads from the environment by itself.</summary>
    private static IEnumerable<string> CheckPod(string? clusterId, Func<string, string?> environment)
    {
        foreach (var (variable, field) in new[] { (KubernetesHostingOptions.PodNameEnvironmentVariable, "metadata.name"), (KubernetesHostingOptions.PodNamespaceEnvironmentVariable, "metadata.namespace") })
        {
            if (string.IsNullOrWhiteSpace(environment(variable))) { yield return $"--kubernetes needs the environment variable {variable}; give it from the pod's field {field}."; }
        }

        // They would silently replace the names that the rest of the silo uses.
        foreach (var (variable, expected) in new[] { (KubernetesHostingOptions.ServiceIdEnvironmentVariable, GridIdentity.ServiceId), (KubernetesHostingOptions.ClusterIdEnvironmentVariable, clusterId) })
        {
            if (environment(variable) is { Length: > 0 } given && expected is not null && given != expected) { yield return $"the environment variable {variable} is '{given}'; with this silo's options it must be '{expected}', or not be set."; }
        }
    }

    private static string ParseId(string text) => text.Length is > 0 and <= LongestId && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-')
        ? text
        : throw new FormatException($"is '{text}'; accepted are up to {LongestId} letters, digits, dots, underscores and dashes.");

    private static IPAddress ParseAddress(string text) => IPAddress.TryParse(text, out var address)
        ? address
        : throw new FormatException($"is '{text}'; accepted is an IP address, such as 10.0.0.5.");
}
