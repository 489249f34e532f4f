using Ctwa.Bench.Simulate;
using Ctwa.Training.Gradients;
using Xunit;

namespace Ctwa.Grains.Tests.Scaling;

/// <summary>The simulator of docs/scaling.md: its bytes and calls against the formulas, and what must hold of its seconds.</summary>
public sealed class StepSimulationTests
{
    private static readonly ScaleJob s_small = new() { Parameters = 1_000_003, Shards = 8, Slices = 6, PromptsPerShard = 2, Samples = 3, ResponseTokens = 40 };

    private static readonly ScaleMachine s_instant = new ScaleMachine { Spread = 0 }.WithFreeNetwork() with { TokenSeconds = 0, TokenRowSeconds = 0, ForwardSeconds = 0, BackwardSeconds = 0, AdamSeconds = 0, ScoreSeconds = 0, MemoryRate = double.PositiveInfinity };

    public static TheoryData<int, int, int, int, bool, int> Jobs => new()
    {
        { 1, 3, 8, 6, true, 1 },
        { 2, 1, 8, 6, true, 1 },
        { 2, 3, 5, 3, true, 2 },
        { 3, 3, 7, 5, true, 1 },
        { 3, 4, 1, 1, true, 1 },
        { 5, 2, 13, 7, false, 2 },
        { 7, 3, 5, 11, true, 1 },
        { 13, 8, 100, 29, true, 1 },
        { 16, 3, 256, 64, true, 1 },
        { 87, 2, 87, 87, true, 1 },
        { 11, 2, 1000, 300, true, 1 },
        { 31, 1, 777, 31, false, 1 },
    };

    [Theory]
    [MemberData(nameof(Jobs))]
    public void Bytes_and_calls_of_the_simulation_are_those_of_the_formulas(int silos, int rows, int shards, int slices, bool mirror, int updates)
    {
        foreach (int elementBytes in (int[])[2, 4])
        {
            var job = s_small with { Rows = rows, Objectives = rows, Shards = shards, Slices = slices, Mirror = mirror, Updates = updates, ElementBytes = elementBytes, Samples = 4 };
            var formulas = new StepFormulas(job, s_instant, silos);
            foreach (var changes in (ScaleChanges[])[new(), ScaleChanges.Before])
            {
                var simulated = StepSimulation.Run(job, s_instant, changes, silos);
                Assert.Equal(formulas.Bytes(), simulated.Bytes);
                Assert.Equal(formulas.Calls(), simulated.Calls);
                Assert.Equal(formulas.RewardCalls(), simulated.RewardCalls);
                Assert.Equal(formulas.CheckpointBytes(), simulated.CheckpointBytes);
                Assert.Equal(0, simulated.Seconds);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    [InlineData(64)]
    [InlineData(87)]
    [InlineData(777)]
    public void Subtrees_of_a_silo_are_counted_as_the_tree_cuts_them(int shards)
    {
        for (int silos = 1; silos <= Math.Min(shards, 100); silos++)
        {
            var formulas = new StepFormulas(s_small with { Shards = shards }, s_instant, silos);
            for (int silo = 0, first = 0; silo < silos; first += formulas.ShardsOf(silo), silo++) { Assert.Equal(CanonicalTreeSum.CompleteSubtrees(shards, first, formulas.ShardsOf(silo)).Count, formulas.NodesOf(silo)); }
        }
    }

    [Fact]
    public void Questions_about_long_work_are_counted_as_the_formula_says()
    {
        // 5 seconds of generation, in a batch per silo: three questions instead of one.
        var job = s_small with { Shards = 300, Samples = 4, Observe = false };
        var machine = s_instant with { TokenSeconds = 5.0 / 40 / 75 };
        var formulas = new StepFormulas(job, machine, silos: 4);
        Assert.Equal(5.0, formulas.Generation, 9);
        Assert.Equal(4 * 2, formulas.ExtraPolls());
        Assert.Equal(formulas.Calls() + formulas.ExtraPolls(), StepSimulation.Run(job, machine, new(), 4).Calls);
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 1)]
    [InlineData(8, 2)]
    public void With_a_free_network_a_step_takes_what_computing_takes(int silos, int devices)
    {
        var machine = new ScaleMachine { Spread = 0, Devices = devices, ScoreSeconds = 0 }.WithFreeNetwork();
        var job = s_small with { Shards = 24, Slices = 24 };
        var formulas = new StepFormulas(job, machine, silos);
        var simulated = StepSimulation.Run(job, machine, new(), silos);
        Assert.Equal(formulas.Generation, simulated.Of("generate"), 9);
        Assert.Equal(formulas.Training, simulated.Of("train"), 9);
        Assert.Equal(formulas.Measurement, simulated.Of("observe"), 9);
        Assert.Equal(0, simulated.Of("score") + simulated.Of("mirror") + simulated.Of("publish") + simulated.Of("control"));
        // What is left is adding and applying: less than three slices' difference between silos.
        double most = formulas.Applying + (3.0 * 4 * job.Rows * job.Length * 24 / machine.MemoryRate);
        Assert.InRange(simulated.Seconds - formulas.Generation - formulas.Training - formulas.Measurement, 0, most);
    }

    [Theory]
    [InlineData("collect")]
    [InlineData("mirror")]
    [InlineData("publish")]
    public void Twice_the_bandwidth_halves_a_phase_that_only_transfers(string phase)
    {
        var slow = s_instant with { LinkRate = 1e8 };
        var job = s_small with { Shards = 21, Slices = 13 };
        foreach (var changes in (ScaleChanges[])[new(), ScaleChanges.Before, ScaleChanges.All])
        {
            double before = StepSimulation.Run(job, slow, changes, 7).Of(phase), after = StepSimulation.Run(job, slow with { LinkRate = 2e8 }, changes, 7).Of(phase);
            Assert.True(before > 0);
            Assert.Equal(before / 2, after, before * 1e-9);
        }
    }

    [Fact]
    public void A_link_carries_no_faster_than_its_rate_and_an_order_of_its_own_uses_all_links()
    {
        var machine = s_instant with { LinkRate = 1e8 };
        var job = s_small with { Shards = 32, Slices = 32 };
        var (same, own) = (StepSimulation.Run(job, machine, ScaleChanges.Before, 16), StepSimulation.Run(job, machine, new(), 16));
        double least = 4.0 * job.Rows * job.Length * 15 / 16 / 1e8;
        Assert.InRange(own.Of("collect"), least * 0.99, least * 1.2);
        Assert.True(same.Of("collect") > 2 * own.Of("collect"), $"{same.Of("collect")} against {own.Of("collect")}");
        Assert.Equal("order", same.Phases.Single(one => one.Name == "collect").Binds);
        Assert.StartsWith("link", own.Phases.Single(one => one.Name == "collect").Binds, StringComparison.Ordinal);
    }

    [Fact]
    public void The_seed_decides_everything()
    {
        var machine = new ScaleMachine { Seed = 7 };
        string Of(ScaleMachine one) => Describe(StepSimulation.Run(s_small, one, new(), 3));
        Assert.Equal(Of(machine), Of(machine));
        Assert.NotEqual(Of(machine), Of(machine with { Seed = 8 }));
        Assert.Equal(Of(machine with { Spread = 0 }), Of(machine with { Spread = 0, Seed = 8 }));
    }

    [Fact]
    public void Batches_of_slices_are_fewer_calls()
    {
        var job = s_small with { Slices = 64 };
        var (plain, fanned) = (StepSimulation.Run(job, s_instant, new(), 4), StepSimulation.Run(job, s_instant, new(FannedSlices: true), 4));
        Assert.True(fanned.Calls < plain.Calls / 4, $"{fanned.Calls} of {plain.Calls}");
        Assert.Equal(plain.Bytes, fanned.Bytes);
    }

    private static string Describe(StepResult result) => string.Join(", ", result.Phases.Select(phase => FormattableString.Invariant($"{phase.Name} {phase.Seconds:R} {phase.Binds}"))) + result.Bytes + result.Calls;
}
