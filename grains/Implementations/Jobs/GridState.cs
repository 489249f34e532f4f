using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Jobs;

/// <summary>What the grid grain stores: all jobs but their texts, which have records of their own.</summary>
[GenerateSerializer, Immutable, Alias("ctwa.GridState")]
public sealed record GridState
{
    /// <summary>In the order of their submission.</summary>
    [Id(0)]
    public ImmutableArray<JobRecord> Jobs { get; init; } = [];

    /// <summary>Number of the newest job ever.</summary>
    [Id(1)]
    public long LastNumber { get; init; }

    /// <summary>Jobs at a time; null: <see cref="JobQueueOptions.ConcurrentJobs"/>.</summary>
    [Id(2)]
    public int? Quota { get; init; }
}
