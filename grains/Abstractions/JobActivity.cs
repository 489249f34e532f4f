using System.Collections.Immutable;

namespace Ctwa.Grains.Abstractions;

/// <summary>What a job does at this moment, and who computes for it: for people who watch.</summary>
/// <param name="Phase">Part of a step: <c>place</c>, <c>generate</c>, <c>score</c>, <c>update</c>, <c>observe</c>, <c>validate</c>, <c>checkpoint</c>; empty before the first.</param>
/// <param name="Seconds">For how long.</param>
/// <param name="Done">Shards that are done with the present piece of work.</param>
/// <param name="Parts">Shards that have it to do; 0: it is not divided by shards.</param>
/// <param name="Members">Silos that compute, at most <see cref="MostMembers"/>.</param>
/// <param name="MemberCount">How many they are in all.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobActivity")]
public sealed record JobActivity(
    [property: Id(0)] string Phase,
    [property: Id(1)] double Seconds,
    [property: Id(2)] int Done,
    [property: Id(3)] int Parts,
    [property: Id(4)] ImmutableArray<JobMemberActivity> Members,
    [property: Id(5)] int MemberCount)
{
    /// <summary>No screen shows more, and an answer stays small (invariant I8).</summary>
    public const int MostMembers = 64;
}

/// <summary>A silo that computes for a job.</summary>
/// <param name="Silo">Orleans' parsable address.</param>
/// <param name="Device">cpu or cuda, and the model of it.</param>
/// <param name="Lanes">Compute lanes.</param>
/// <param name="Shards">Shards of the job that are computed there.</param>
/// <param name="Slices">Slices of the parameters that it holds as their primary.</param>
/// <param name="ShardsPerSecond">Measured over the phases in which shards compute; null: not measured yet.</param>
[GenerateSerializer, Immutable, Alias("ctwa.JobMemberActivity")]
public sealed record JobMemberActivity(
    [property: Id(0)] string Silo,
    [property: Id(1)] string Device,
    [property: Id(2)] int Lanes,
    [property: Id(3)] int Shards,
    [property: Id(4)] int Slices,
    [property: Id(5)] double? ShardsPerSecond);
