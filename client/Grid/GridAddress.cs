using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>Where a grid is.</summary>
/// <param name="ClusterId">Its name.</param>
internal abstract record GridAddress(string ClusterId)
{
    /// <summary>Trust in the gateways' certificates; null: connections are not encrypted.</summary>
    public GatewayTrust? Tls { get; init; }

    /// <summary>One silo on this machine.</summary>
    public sealed record Localhost(int GatewayPort, string ClusterId) : GridAddress(ClusterId)
    {
        public override string ToString() => FormattableString.Invariant($"127.0.0.1:{GatewayPort}");
    }

    /// <summary>One silo by its gateway, on any machine.</summary>
    public sealed record Gateway(System.Net.IPEndPoint Endpoint, string ClusterId) : GridAddress(ClusterId)
    {
        public override string ToString() => $"{Endpoint}, cluster {ClusterId}";
    }

    /// <summary>The silos that a Redis lists.</summary>
    public sealed record Redis(RedisEndpoint Endpoint, string ClusterId) : GridAddress(ClusterId)
    {
        public override string ToString() => $"{Endpoint}, cluster {ClusterId}";
    }
}

/// <summary>What a client needs to encrypt its connections to gateways.</summary>
/// <param name="Authority">PEM file with the authority that signed the silos' certificates.</param>
/// <param name="Certificate">PEM file with the client's own certificate; null: none.</param>
/// <param name="Key">PEM file with its key; null with <paramref name="Certificate"/>, or when the certificate's file holds it.</param>
internal sealed record GatewayTrust(string Authority, string? Certificate = null, string? Key = null);
