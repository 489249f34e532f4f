using System.Net;
using System.Security.Authentication;
using Ctwa.Grains.Abstractions;
using StackExchange.Redis;

namespace Ctwa.Grid.Redis;

/// <summary>How silos and clients connect to a grid's Redis. Compiled into both: a library for one method would be one more part to ship.</summary>
internal static class RedisConnection
{
    /// <summary>Settings of the connection. A Redis that is away for a moment is waited for: nothing is lost by it.</summary>
    /// <param name="name">Name of the connection in Redis' list of clients.</param>
    public static ConfigurationOptions Options(RedisEndpoint endpoint, string name)
    {
        var options = new ConfigurationOptions
        {
            EndPoints = { IPAddress.TryParse(endpoint.Host, out var address) ? new IPEndPoint(address, endpoint.Port) : new DnsEndPoint(endpoint.Host, endpoint.Port) },
            DefaultDatabase = endpoint.Database,
            User = endpoint.User,
            Password = endpoint.Password,
            Ssl = endpoint.Tls,
            ClientName = name,
            AbortOnConnectFail = false,
            ConnectRetry = 3,
            ConnectTimeout = 3000,
            AsyncTimeout = 3000,
            SyncTimeout = 3000,
            // The default grows to a minute; a grid must see a restarted Redis within seconds.
            ReconnectRetryPolicy = new LinearRetry(500),
        };
        if (endpoint.Tls)
        {
            options.SslHost = endpoint.Host;
            options.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13;
            if (endpoint.CertificateAuthority is { } authority) { options.TrustIssuer(authority); }
        }

        return options;
    }
}
