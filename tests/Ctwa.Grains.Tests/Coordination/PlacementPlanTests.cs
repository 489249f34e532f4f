using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Coordination;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

public sealed class PlacementPlanTests
{
    [Theory]
    [InlineData(8, new[] { 1.0, 1.0 }, new[] { 4, 4 })]
    [InlineData(8, new[] { 3.0, 1.0 }, new[] { 6, 2 })]
    [InlineData(5, new[] { 1.0, 1.0, 1.0 }, new[] { 2, 1, 2 })]
    [InlineData(1, new[] { 1.0, 1.0, 1.0 }, new[] { 0, 1, 0 })]
    [InlineData(1000, new[] { 1.0, 0.001 }, new[] { 999, 1 })]
    public void Shards_go_in_contiguous_ranges_in_proportion_to_speed(int shards, double[] speeds, int[] expected)
    {
        var plan = Make(shards, 2, speeds);
        Assert.Equal(expected, Enumerable.Range(0, speeds.Length).Select(member => plan.ShardMembers.Count(one => one == member)));
        Assert.Equal(plan.ShardMembers, plan.ShardMembers.Order());
    }

    [Fact]
    public void Every_slice_has_two_holders_and_slices_are_spread()
    {
        var plan = Make(8, 6, [1, 1, 1]);
        Assert.All(plan.Slices, place => Assert.NotEqual(place.Primary, place.Mirror));
        Assert.All(plan.Members, member => Assert.Equal(2, plan.Slices.Count(place => place.Primary == member.Silo)));
        Assert.All(plan.Members, member => Assert.Equal(2, plan.Slices.Count(place => place.Mirror == member.Silo)));
        Assert.All(Make(8, 6, [1, 1, 1], mirror: false).Slices, place => Assert.Null(place.Mirror));
        Assert.All(Make(8, 6, [1]).Slices, place => Assert.Equal(("silo-0", null), (place.Primary, place.Mirror)));
    }

    [Fact]
    public void Slices_stay_with_those_who_hold_them()
    {
        // silo-1 is lost: what it was primary of is promoted to its mirror, and nothing else moves but the new mirrors.
        var before = Make(8, 6, [1, 1, 1]);
        ImmutableArray<MemberPlace> left = [.. before.Members.Where(member => member.Silo != "silo-1")];
        var held = before.Slices.Select(place => (IReadOnlyList<string>)[.. place.Holders.Where(silo => silo != "silo-1")]).ToList();
        var after = PlacementPlan.Make(8, 6, left, [1, 1], held, mirror: true, "silo-0", 2);
        for (int slice = 0; slice < 6; slice++) { Assert.Contains(held[slice][0], after.Slices[slice].Holders); }
        Assert.All(after.Slices, place => Assert.Equal(["silo-0", "silo-2"], place.Holders.Order()));
    }

    [Fact]
    public void A_plan_is_a_function_of_what_it_is_given() => Assert.Equal(Describe(Make(37, 5, [1, 2, 3])), Describe(Make(37, 5, [1, 2, 3])));

    [Fact]
    public void A_slow_silo_gets_fewer_shards_once_that_is_worth_a_pause()
    {
        var meter = new SpeedMeter();
        var plan = Make(8, 2, [1, 1]);
        Assert.False(meter.WouldGain(plan));
        for (int phase = 0; phase < 60; phase++) { meter.Add(plan, [1, 2, 3, 4, 3, 6, 9, 12]); }
        Assert.Equal((1.0, 1.0 / 3), (meter.Of("silo-0")!.Value, meter.Of("silo-1")!.Value));
        Assert.Equal("silo-0", meter.Fastest(plan, "silo-1"));
        Assert.True(meter.WouldGain(plan));
        Assert.False(meter.WouldGain(Make(8, 2, [3, 1])));
    }

    private static JobPlacement Make(int shards, int slices, double[] speeds, bool mirror = true) => PlacementPlan.Make(
        shards, slices, [.. speeds.Select((_, i) => new MemberPlace($"silo-{i}", "host", i + 1))], speeds, [.. Enumerable.Range(0, slices).Select(_ => (IReadOnlyList<string>)[])], mirror && speeds.Length > 1, "silo-0", 1);

    private static string Describe(JobPlacement plan) => string.Join(',', plan.ShardMembers) + string.Join(',', plan.Slices);
}
