using System.Text.Json.Nodes;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

/// <summary>The ways to combine the objectives' gradients, with KL and entropy, odd sizes and several slices, with and without a grid.</summary>
public sealed class GradientPlanGridTests : IDisposable
{
    private const string KeepRows = "keep rows";

    private static readonly Dictionary<string, ScalarizerSpec> s_scalarizers = new()
    {
        [KeepRows] = new MgdaScalarizerSpec(),
        ["second pass"] = new MgdaScalarizerSpec { Plan = CombinationPlan.SecondPass },
        ["every third update"] = new MgdaScalarizerSpec { GramEvery = 3 },
        ["last block"] = new MgdaScalarizerSpec { GramScope = GramScope.LastBlock },
        ["last block, second pass, every other update"] = new MgdaScalarizerSpec { Plan = CombinationPlan.SecondPass, GramScope = GramScope.LastBlock, GramEvery = 2 },
        ["reference, per slice"] = new MgdaScalarizerSpec { Mode = MethodMode.Reference, PerSlice = true },
    };

    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => new(s_scalarizers.Keys);

    [Theory, MemberData(nameof(Names))]
    public Task The_grid_equals_the_local_trainer_bit_for_bit_on_one_and_two_lanes(string name) => _jobs.RequireGridEqualsLocalAsync(Spec(name), Token);

    // Without this, a setting that nobody reads would make the theory above compare one job with itself.
    [Fact]
    public async Task Every_plan_has_its_own_bits_and_costs_what_it_says_and_a_second_pass_starts_as_kept_rows_do()
    {
        var hashes = new HashSet<string>();
        var first = new Dictionary<string, JsonObject>();
        var backward = new Dictionary<string, double>();
        int steps = 0;
        foreach (string name in s_scalarizers.Keys)
        {
            var run = await _jobs.TrainLocallyAsync(Spec(name), name);
            Assert.True(hashes.Add(run.ModelHash), name);
            var lines = run.History.Select(line => JsonNode.Parse(line)!.AsObject()).Where(line => (string?)line["stage"] == "rl" && (int)line["step"]! > 0).ToList();
            first[name] = lines[0];
            backward[name] = (double)lines[^1]["cost/backward_passes"]!;
            steps = lines.Count;
        }

        // Three objectives, and a row for KL and entropy where rows are kept; a second pass makes one gradient more instead.
        Assert.Equal(4.0 * steps, backward[KeepRows], 6);
        Assert.Equal(4.0 * steps, backward["second pass"], 6);
        Assert.True(backward["every third update"] < backward[KeepRows]);

        // The first update starts from the same weights: both plans see the same gradients and make the same step, up to rounding.
        foreach (string key in (string[])["gradient/cosine/accuracy/clarity", "gradient/norm/conciseness", "weight/accuracy", "gradient/norm"])
        {
            double kept = (double)first[KeepRows][key]!, again = (double)first["second pass"][key]!;
            Assert.InRange(again - kept, -1e-3 * Math.Abs(kept) - 1e-6, (1e-3 * Math.Abs(kept)) + 1e-6);
        }
    }

    public void Dispose() => _jobs.Dispose();

    private JobSpec Spec(string name) => _jobs.Read(ExactnessJobs.Create("linear", odd: true)) with { Scalarizer = s_scalarizers[name] };
}
