using System.Globalization;

namespace Ctwa.Grains.Abstractions;

/// <summary>The Redis that holds a grid's membership, as users name it. Silos and clients read it alike.</summary>
/// <param name="Host">Name or address.</param>
/// <param name="Port">TCP port.</param>
/// <param name="Database">Number of the database.</param>
public sealed record RedisEndpoint(string Host, int Port, int Database = 0)
{
    /// <summary>Environment variable with the password; a password on a command line could be read by every user of the machine.</summary>
    public const string PasswordVariable = "CTWA_REDIS_PASSWORD";

    /// <summary>Accepted forms, for messages.</summary>
    public const string Forms = "HOST:PORT, redis://[USER@]HOST[:PORT][/DATABASE], or rediss://... for TLS";

    private const int DefaultPort = 6379;

    /// <summary>User of Redis' access lists; null: the default user.</summary>
    public string? User { get; init; }

    /// <summary>Password; null: none. Never in <see cref="ToString"/>.</summary>
    public string? Password { get; init; }

    /// <summary>Connect by TLS.</summary>
    public bool Tls { get; init; }

    /// <summary>PEM file with the authority that signed Redis' certificate; null: the machine's authorities.</summary>
    public string? CertificateAuthority { get; init; }

    /// <summary>Reads an endpoint without its secrets.</summary>
    /// <exception cref="FormatException">What is wrong and what is accepted.</exception>
    public static RedisEndpoint Parse(string text)
    {
        string address = text;
        bool tls = false;
        if (text.IndexOf("://", StringComparison.Ordinal) is var scheme && scheme >= 0)
        {
            tls = text[..scheme] switch
            {
                "redis" => false,
                "rediss" => true,
                // The text is not repeated as a whole: it may hold a password.
                _ => throw new FormatException($"has the scheme '{text[..scheme]}'; accepted are {Forms}."),
            };
            address = text[(scheme + 3)..];
        }

        string? user = null;
        if (address.LastIndexOf('@') is var at && at >= 0)
        {
            user = address[..at];
            address = address[(at + 1)..];
            if (user.Contains(':', StringComparison.Ordinal)) { throw new FormatException($"holds a password, which every user of this machine can read in the list of processes. Give it in the environment variable {PasswordVariable} or in a file (--redis-password-file)."); }
        }

        int database = 0;
        if (address.IndexOf('/', StringComparison.Ordinal) is var slash && slash >= 0)
        {
            string number = address[(slash + 1)..];
            if (number.Length > 0 && !(int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out database) && database < 1024)) { throw new FormatException($"names the database '{number}'; accepted is a number from 0 to 1023."); }
            address = address[..slash];
        }

        int colon = address.LastIndexOf(':');
        string host = colon < 0 ? address : address[..colon];
        int port = DefaultPort;
        if (colon >= 0 && !(int.TryParse(address.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is > 0 and <= 65535)) { throw new FormatException($"has the port '{address[(colon + 1)..]}'; accepted is a number from 1 to 65535."); }
        bool isName = host.Length is > 0 and <= 255 && (host is ['[', .., ']'] || host.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_'));
        return isName
            ? new RedisEndpoint(host.Trim('[', ']'), port, database) { User = user is { Length: > 0 } ? user : null, Tls = tls }
            : throw new FormatException($"has the host '{host}'; accepted are {Forms}.");
    }

    /// <summary>Without password.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(Tls ? "rediss" : "redis")}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}{(Database == 0 ? "" : $"/{Database}")}");
}
