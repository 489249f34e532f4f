using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>
/// Who computes what of a job, between two step boundaries. It decides speed and memory, never a bit (invariant I1).
/// </summary>
/// <param name="Generation">Grows with every plan of one coordinator.</param>
/// <param name="Members">Silos that compute.</param>
/// <param name="ShardMembers">Index into <paramref name="Members"/> per shard, shape [shards].</param>
/// <param name="Slices">Holders of each slice, shape [slices].</param>
/// <param name="RewardSilo">Silo where the job's rewards are opened.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobPlacement")]
public sealed record JobPlacement(
    [property: Id(0)] int Generation,
    [property: Id(1)] ImmutableArray<MemberPlace> Members,
    [property: Id(2)] ImmutableArray<int> ShardMembers,
    [property: Id(3)] ImmutableArray<SlicePlace> Slices,
    [property: Id(4)] string RewardSilo)
{
    /// <summary>The silo that computes a shard.</summary>
    public string SiloOfShard(int shard) => Members[ShardMembers[shard]].Silo;

    /// <summary>A member by its silo.</summary>
    /// <exception cref="JobNotHereException">It is none.</exception>
    public MemberPlace Member(string silo) => Members.FirstOrDefault(member => member.Silo == silo) ?? throw new JobNotHereException($"silo {silo} is not a member of the job.");
}

/// <summary>A silo that computes for a job.</summary>
/// <param name="Silo">Orleans' parsable address.</param>
/// <param name="ChannelHost">Where it serves tensors.</param>
/// <param name="ChannelPort">Port of the same.</param>
[GenerateSerializer, Immutable, Alias("ctwa.MemberPlace")]
public sealed record MemberPlace([property: Id(0)] string Silo, [property: Id(1)] string ChannelHost, [property: Id(2)] int ChannelPort);

/// <summary>Holders of a slice of the parameters.</summary>
/// <param name="Primary">Silo whose answers count.</param>
/// <param name="Mirror">Silo that does the same on a copy; null: none.</param>
[GenerateSerializer, Immutable, Alias("ctwa.SlicePlace")]
public sealed record SlicePlace([property: Id(0)] string Primary, [property: Id(1)] string? Mirror)
{
    /// <summary>All holders, the primary first.</summary>
    public IEnumerable<string> Holders => Mirror is null ? [Primary] : [Primary, Mirror];
}
