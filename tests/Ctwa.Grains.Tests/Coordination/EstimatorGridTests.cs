using Ctwa.TestKit.Processes;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

/// <summary>Estimators and losses that need more of shards than numbers per completion, with and without a grid.</summary>
public sealed class EstimatorGridTests : IDisposable
{
    private const string Plain = "advantage: { gamma: 0.99 }\nloss: { kl: { coefficient: 0.01 }, entropy_coefficient: 0.001 }\n";

    private static readonly Dictionary<string, string> s_settings = new()
    {
        ["gae"] = "advantage: { estimator: gae, gamma: 0.99, lambda: 0.95 }\nloss: { value: { learning_rate: 0.01, coefficient: 0.1 } }\n",
        ["adaptive penalty in the reward"] = "advantage: { gamma: 0.99 }\nreward_kl: { coefficient: 0.1, controller: adaptive, target: 0.001, horizon: 64 }\n",
        ["penalty in the reward, grpo"] = "advantage: { estimator: grpo }\nreward_kl: { coefficient: 0.1, kind: mse }\n",
        ["remax"] = "advantage: { estimator: remax }\n",
        ["gspo"] = "advantage: { estimator: rloo }\nloss: { kind: gspo, clip_low: 0.01, clip_high: 0.01, importance_cap: 2 }\n",
        ["clip_cov"] = "advantage: { estimator: opo }\nloss: { kind: clip_cov, cov_share: 0.2, cov_low: 0.001, cov_high: 1000, aggregation: sequence_mean_token_sum_norm }\n",
    };

    private readonly GridJobs _jobs = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static TheoryData<string> Names => new(s_settings.Keys);

    [Theory, MemberData(nameof(Names))]
    public async Task The_grid_equals_the_local_trainer_bit_for_bit_on_one_and_two_lanes(string name)
    {
        var job = ExactnessJobs.Create("linear", odd: true);
        Assert.Contains(Plain, job.Yaml, StringComparison.Ordinal);
        var spec = _jobs.Read(job with { Yaml = job.Yaml.Replace(Plain, s_settings[name], StringComparison.Ordinal) });
        await _jobs.RequireGridEqualsLocalAsync(spec, Token);
    }

    // Without this, a setting that nobody reads would make the theory above compare one job with itself.
    [Fact]
    public async Task Every_setting_changes_the_weights()
    {
        var job = ExactnessJobs.Create("linear", odd: true);
        var hashes = new HashSet<string>();
        foreach (var (name, settings) in s_settings)
        {
            var spec = _jobs.Read(job with { Yaml = job.Yaml.Replace(Plain, settings, StringComparison.Ordinal) });
            Assert.True(hashes.Add((await _jobs.TrainLocallyAsync(spec, name)).ModelHash), name);
        }
    }

    public void Dispose() => _jobs.Dispose();
}
