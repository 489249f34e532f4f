using System.Globalization;
using Ctwa.TestKit;
using Ctwa.TestKit.Grid;
using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grid.Tests.Chaos;

/// <summary>Whatever happens to a silo, to Redis or to the network, a job ends with the bits of the undisturbed run (docs/elasticity.md).</summary>
public sealed class ChaosTests(ITestOutputHelper output) : IDisposable
{
    /// <summary>Trait of tests that take more than half a minute; they run by default.</summary>
    public const string Long = "Long";

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-chaos-").FullName;

    /// <summary>CTWA_CHAOS_SEED repeats a plan, CTWA_CHAOS_SEEDS runs more than five; the full set is <c>bench -- chaos</c>.</summary>
    [Fact, Trait("Category", Long)]
    public async Task Single_faults_do_not_change_weights_history_or_the_methods_memory()
    {
        await RedisRequired.OrSkipAsync();
        int first = Number("CTWA_CHAOS_SEED") ?? Random.Shared.Next(1_000_000), count = Number("CTWA_CHAOS_SEEDS") ?? 5;
        output.WriteLine($"seeds {first} to {first + count - 1}; repeat one with CTWA_CHAOS_SEED=SEED CTWA_CHAOS_SEEDS=1");
        string job = ExactnessJobs.Interrupted.WriteTo(_folder);
        await using var loop = await ChaosLoop.StartAsync(Path.Combine(_folder, "chaos"), job, silos: 3, output.WriteLine);
        var results = new List<ChaosResult>();
        for (int seed = first; seed < first + count; seed++)
        {
            results.Add(await loop.RunAsync(Fault.Of(seed, silos: 3)));
            output.WriteLine(results[^1].ToString());
        }

        Assert.All(results, result => Assert.True(result.Failure is null, result.ToString()));
        Assert.Contains(results, result => result.IsGood);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static int? Number(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : null;
}
