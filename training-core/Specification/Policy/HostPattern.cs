using System.Buffers;

namespace Ctwa.Training.Specification;

/// <summary>
/// An entry of the list of allowed hosts: <c>HOST[:PORT]</c> or <c>http://HOST[:PORT]</c>. Without a port it stands for the
/// scheme's own, 443 or 80. Only the second form allows unencrypted requests to another machine.
/// </summary>
public sealed record HostPattern
{
    private static readonly SearchValues<char> Refused = SearchValues.Create("/?#@* \t");

    private HostPattern(string text, bool plain, string host, int? port) => (Text, Plain, Host, Port) = (text, plain, host, port);

    /// <summary>As written.</summary>
    public string Text { get; }

    /// <summary>Unencrypted requests are allowed.</summary>
    public bool Plain { get; }

    public string Host { get; }

    /// <summary>Null: the scheme's own.</summary>
    public int? Port { get; }

    /// <summary>Reads an entry.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static HostPattern Parse(string text)
    {
        bool plain = text.StartsWith("http://", StringComparison.OrdinalIgnoreCase), secure = text.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        string scheme = plain ? "http" : "https", rest = plain ? text[7..] : secure ? text[8..] : text;
        if (rest.Length == 0 || rest.AsSpan().ContainsAny(Refused) || !Uri.TryCreate($"{scheme}://{rest}/", UriKind.Absolute, out var uri) || uri.Host.Length == 0)
        {
            throw new FormatException($"'{text}' is not an allowed host; accepted are HOST, HOST:PORT and http://HOST:PORT, such as grader.example.org:8443. There are no wildcards.");
        }

        // A port that is the scheme's own may still be written.
        bool hasPort = rest.LastIndexOf(':') > rest.LastIndexOf(']');
        return new HostPattern(text, plain, uri.Host, hasPort ? uri.Port : null);
    }

    /// <summary>Whether requests to an address are allowed by this entry.</summary>
    public bool Allows(Uri address)
    {
        bool secure = address.Scheme == Uri.UriSchemeHttps;
        return string.Equals(address.Host, Host, StringComparison.OrdinalIgnoreCase)
            && address.Port == (Port ?? (secure ? 443 : 80))
            && (secure || Plain || address.IsLoopback);
    }

    public override string ToString() => Text;
}
