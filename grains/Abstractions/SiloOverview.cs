using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>Where a silo is in its life, as clients are told.</summary>
public enum SiloCondition
{
    /// <summary>Takes work.</summary>
    Active = 0,

    /// <summary>Finishes what it has begun, and takes nothing new.</summary>
    Draining = 1,

    /// <summary>On its way into the grid.</summary>
    Joining = 2,

    /// <summary>On its way out; it answers no more.</summary>
    Leaving = 3,

    /// <summary>A member that did not answer in time.</summary>
    Silent = 4,

    /// <summary>A member that does not know the grid's secret: it gets no work.</summary>
    Stranger = 5,
}

/// <summary>One silo as clients see it. Of one that does not answer, only address and state are known.</summary>
/// <param name="Address">Orleans' parsable silo address.</param>
/// <param name="State">Where it is in its life.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SiloOverview")]
public sealed record SiloOverview(
    [property: Id(0)] string Address,
    [property: Id(1)] SiloCondition State)
{
    /// <summary>It may hold shards and slices; otherwise only coordinators and rewards.</summary>
    [Id(2)]
    public bool Computes { get; init; }

    /// <summary>cpu or cuda, and the model of it.</summary>
    [Id(3)]
    public string Device { get; init; } = "";

    /// <summary>Compute lanes per job.</summary>
    [Id(4)]
    public int Lanes { get; init; }

    /// <summary>Memory of the devices that models compute on, or of the machine; 0: unknown.</summary>
    [Id(5)]
    public long MemoryBytes { get; init; }

    /// <summary>When it was started.</summary>
    [Id(6)]
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Jobs that it computes for, at most <see cref="SiloDescription.MostJobs"/>.</summary>
    [Id(7)]
    public ImmutableArray<string> Jobs { get; init; } = [];

    /// <summary>Version of its program.</summary>
    [Id(8)]
    public string Version { get; init; } = "";
}

/// <summary>Some silos.</summary>
/// <param name="Silos">Ordered by address.</param>
/// <param name="More">There are later ones.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SiloPage")]
public sealed record SiloPage(
    [property: Id(0)] ImmutableArray<SiloOverview> Silos,
    [property: Id(1)] bool More);
