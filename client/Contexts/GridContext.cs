using System.Text.RegularExpressions;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Contexts;

/// <summary>A grid under a short name: where it is, and in which variables its secrets are. Never a secret itself.</summary>
internal sealed partial record GridContext
{
    /// <summary>The Redis that lists the silos, as <see cref="RedisEndpoint.Parse"/> reads it; null with <see cref="Gateway"/>.</summary>
    public string? Redis { get; init; }

    /// <summary>HOST:PORT of one silo's gateway.</summary>
    public string? Gateway { get; init; }

    /// <summary>Name of the grid.</summary>
    public string ClusterId { get; init; } = "";

    /// <summary>Environment variable with the token; null: <c>CTWA_TOKEN</c>.</summary>
    public string? TokenEnv { get; init; }

    /// <summary>Environment variable with the Redis' password; null: <c>CTWA_REDIS_PASSWORD</c>.</summary>
    public string? RedisPasswordEnv { get; init; }

    /// <summary>PEM file, absolute; see <c>--redis-ca</c>.</summary>
    public string? RedisCa { get; init; }

    /// <summary>PEM file, absolute; see <c>--tls-ca</c>.</summary>
    public string? TlsCa { get; init; }

    /// <summary>PEM file, absolute; see <c>--tls-certificate</c>.</summary>
    public string? TlsCertificate { get; init; }

    /// <summary>PEM file, absolute; see <c>--tls-key</c>.</summary>
    public string? TlsKey { get; init; }

    /// <summary>Where it is, for people.</summary>
    public string Where => Redis ?? Gateway ?? "";

    /// <summary>What a name of a context may be.</summary>
    public const string NameForm = "up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit";

    public static bool IsName(string text) => Name().IsMatch(text);

    public static bool IsVariable(string text) => Variable().IsMatch(text);

    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex("^[A-Za-z_][A-Za-z0-9_]{0,127}$", RegexOptions.CultureInvariant)]
    private static partial Regex Variable();
}

/// <summary>All contexts of a user.</summary>
internal sealed record ContextBook
{
    /// <summary>Format of the file.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The context of commands that name no grid; null: none.</summary>
    public string? Current { get; init; }

    /// <summary>By name.</summary>
    public SortedDictionary<string, GridContext> Contexts { get; init; } = new(StringComparer.Ordinal);
}
