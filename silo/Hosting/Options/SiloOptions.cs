using System.Net;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Hosting;
using Ctwa.Training.Specification;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>Everything that a silo is told when it starts.</summary>
internal sealed record SiloOptions
{
    public required ClusterOptions Cluster { get; init; }

    public required WorkOptions Work { get; init; }

    /// <summary>Programs, hosts and secrets that jobs may use.</summary>
    public required RewardPolicy Rewards { get; init; }

    public required GridFolders Folders { get; init; }

    public required SecurityOptions Security { get; init; }

    public required OperationOptions Operation { get; init; }

    /// <summary>Metrics, traces and logs.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();
}

/// <summary>How silos find each other.</summary>
internal sealed record ClusterOptions
{
    public required string ClusterId { get; init; }

    /// <summary>Where the members are listed; null: one silo on loopback.</summary>
    public RedisEndpoint? Redis { get; init; }

    /// <summary>Port for other silos; 0: any free one.</summary>
    public int SiloPort { get; init; }

    /// <summary>Port for clients; 0: any free one.</summary>
    public int GatewayPort { get; init; }

    /// <summary>Port that serves tensors; 0: any free one.</summary>
    public int ChannelPort { get; init; }

    /// <summary>Address that others reach this silo by.</summary>
    public IPAddress Advertise { get; init; } = IPAddress.Loopback;

    /// <summary>Address that it listens on.</summary>
    public IPAddress Bind { get; init; } = IPAddress.Loopback;

    /// <summary>The pod that it runs in; null: Kubernetes is not asked about anything.</summary>
    public PodPlace? Pod { get; init; }
}

/// <summary>A pod.</summary>
internal sealed record PodPlace(string Namespace, string Name);

/// <summary>What it does for jobs.</summary>
internal sealed record WorkOptions
{
    /// <summary>Compute lanes.</summary>
    public int Lanes { get; init; } = 1;

    /// <summary>Devices by name.</summary>
    public string Device { get; init; } = "auto";

    /// <summary>False: coordinators and rewards only.</summary>
    public bool Computes { get; init; } = true;

    /// <summary>Declared memory in bytes; null: measured.</summary>
    public long? MemoryBytes { get; init; }
}

/// <summary>Who may talk to it.</summary>
internal sealed record SecurityOptions
{
    public ClusterSecret? Secret { get; init; }

    /// <summary>File of clients' tokens; null: none.</summary>
    public string? Tokens { get; init; }

    /// <summary>Certificates; null: connections are not encrypted.</summary>
    public TlsFiles? Tls { get; init; }
}

/// <summary>PEM files.</summary>
/// <param name="Certificate">The silo's certificate, with intermediate ones after it.</param>
/// <param name="Key">Its private key.</param>
/// <param name="Authority">The authority that signed the certificates of all silos.</param>
internal sealed record TlsFiles(string Certificate, string Key, string Authority);

/// <summary>How it is watched and stopped.</summary>
internal sealed record OperationOptions
{
    /// <summary>Port of the HTTP server: probes, status page; null: none; 0: any free one.</summary>
    public int? HealthPort { get; init; }

    /// <summary>Serve the Orleans dashboard there.</summary>
    public bool Dashboard { get; init; }

    /// <summary>How long a silo that was asked to leave waits for its work to end.</summary>
    public TimeSpan DrainTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A piece of work that runs longer on a lane hangs.</summary>
    public TimeSpan StuckAfter { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The process that started it holds its standard input and decides when it ends.</summary>
    public bool ParentStdin { get; init; }
}
