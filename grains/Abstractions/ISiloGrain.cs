using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>One silo, pinned to it by its key (<c>-/−1|silo</c>): what it can do, measured and declared there.</summary>
[Alias("ctwa.ISiloGrain")]
public interface ISiloGrain : IGrainWithStringKey
{
    /// <summary>Describes the silo.</summary>
    [Alias("Describe")]
    Task<SiloDescription> Describe(CancellationToken cancellationToken);
}

/// <summary>A silo as coordinators see it.</summary>
/// <param name="Address">Orleans' parsable silo address.</param>
/// <param name="Computes">It may hold shards and slices; otherwise only coordinators and rewards.</param>
/// <param name="Device">cpu or cuda, and the model of it.</param>
/// <param name="Lanes">Compute lanes per job.</param>
/// <param name="MemoryBytes">Memory of the devices that models compute on, or of the machine.</param>
/// <param name="ChannelHost">Where it serves tensors.</param>
/// <param name="ChannelPort">Port of the same.</param>
/// <param name="Fingerprint">What decides the bits there (NumericFingerprint), as text; shards of one job go to silos with one fingerprint.</param>
/// <param name="Draining">It is leaving: no new work.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SiloDescription")]
public sealed record SiloDescription(
    [property: Id(0)] string Address,
    [property: Id(1)] bool Computes,
    [property: Id(2)] string Device,
    [property: Id(3)] int Lanes,
    [property: Id(4)] long MemoryBytes,
    [property: Id(5)] string ChannelHost,
    [property: Id(6)] int ChannelPort,
    [property: Id(7)] string Fingerprint,
    [property: Id(8)] bool Draining)
{
    /// <summary>Shows that the silo has the grid's secret; empty where the grid has none.</summary>
    [Id(9)]
    public string Proof { get; init; } = "";

    /// <summary>When the silo was started.</summary>
    [Id(10)]
    public DateTimeOffset StartedAt { get; init; }

    /// <summary>Jobs that it computes for, at most <see cref="MostJobs"/>.</summary>
    [Id(11)]
    public ImmutableArray<string> Jobs { get; init; } = [];

    /// <summary>Version of its program.</summary>
    [Id(12)]
    public string Version { get; init; } = "";

    /// <summary>Longer lists are cut.</summary>
    public const int MostJobs = 32;
}
