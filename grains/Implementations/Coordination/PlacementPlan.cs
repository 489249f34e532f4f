using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Grains.Coordination;

/// <summary>
/// Divides a job's shards and slices over silos: contiguous ranges of shards in proportion to speed, slices in turn with their
/// mirrors on the next silo. A pure function; what it decides changes no bit (invariant I1).
/// </summary>
internal static class PlacementPlan
{
    /// <param name="shards">Shards of the job.</param>
    /// <param name="slices">Slices of the job.</param>
    /// <param name="members">Silos that compute, at least one.</param>
    /// <param name="speeds">Shards per second of each, in any unit.</param>
    /// <param name="held">Silos that hold each slice already, shape [slices]: they keep it where they can, for then nothing moves.</param>
    /// <param name="mirror">Give each slice a second holder.</param>
    /// <param name="rewards">Silo of the job's rewards.</param>
    /// <param name="generation">Of the plan.</param>
    public static JobPlacement Make(int shards, int slices, ImmutableArray<MemberPlace> members, IReadOnlyList<double> speeds, IReadOnlyList<IReadOnlyList<string>> held, bool mirror, string rewards, int generation)
    {
        double total = speeds.Sum(), before = 0;
        var shardMembers = new int[shards];
        for (int m = 0; m < members.Length; m++)
        {
            int first = (int)Math.Round(shards * before / total);
            before += speeds[m];
            int end = m == members.Length - 1 ? shards : (int)Math.Round(shards * before / total);
            for (int shard = first; shard < end; shard++) { shardMembers[shard] = m; }
        }

        var load = members.ToDictionary(member => member.Silo, _ => 0);
        var places = new SlicePlace[slices];
        for (int slice = 0; slice < slices; slice++)
        {
            // Holders first, then the least loaded; members keep their order among equals, so that the plan is a function of its input.
            string[] order = [.. members.Select(member => member.Silo).OrderBy(silo => load[silo] + (held[slice].Contains(silo) ? 0 : 1)).ThenBy(silo => held[slice].Contains(silo) ? Index(held[slice], silo) : int.MaxValue)];
            string primary = order[0];
            string? second = mirror ? order.Skip(1).OrderBy(silo => load[silo] + (held[slice].Contains(silo) ? 0 : 1)).FirstOrDefault() : null;
            load[primary] += 2;
            if (second is not null) { load[second]++; }
            places[slice] = new SlicePlace(primary, second);
        }

        return new JobPlacement(generation, members, [.. shardMembers], [.. places], rewards);
    }

    private static int Index(IReadOnlyList<string> list, string item)
    {
        for (int i = 0; i < list.Count; i++)
        {
            if (list[i] == item) { return i; }
        }

        return int.MaxValue;
    }
}
