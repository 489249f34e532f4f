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

        var places = new SlicePlace[slices];
        int[] primaries = new int[members.Length], mirrors = new int[members.Length];
        for (int slice = 0; slice < slices; slice++)
        {
            int primary = Choose(primaries, members, held[slice], from: slice % members.Length, except: -1);
            int second = mirror ? Choose(mirrors, members, held[slice], from: (primary + 1) % members.Length, except: primary) : -1;
            places[slice] = new SlicePlace(members[primary].Silo, second < 0 ? null : members[second].Silo);
        }

        return new JobPlacement(generation, members, [.. shardMembers], [.. places], rewards);
    }

    /// <summary>The least loaded member; who holds the slice already is worth being one and a half slices ahead, and the longest holder comes first.</summary>
    private static int Choose(int[] load, ImmutableArray<MemberPlace> members, IReadOnlyList<string> held, int from, int except)
    {
        int best = -1;
        double least = double.PositiveInfinity;
        for (int i = 0; i < members.Length; i++)
        {
            int member = (from + i) % members.Length;
            if (member == except) { continue; }
            int place = Enumerable.Range(0, held.Count).FirstOrDefault(at => held[at] == members[member].Silo, -1);
            double cost = load[member] + (place < 0 ? 1.5 : 0.01 * place);
            if (cost < least) { (best, least) = (member, cost); }
        }

        if (best >= 0) { load[best]++; }
        return best;
    }
}
