using Ctwa.Grains.Abstractions;
using Ctwa.TestKit.Processes;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Grains.Tests.Coordination;

/// <summary>What large models need (packing, recomputation, chunks of logits, half precision, adapters) keeps a run's bits independent of lanes.</summary>
public sealed class AtSizeGridTests : IDisposable
{
    private static readonly LossSpec s_regularized = new() { Kl = new KlSpec { Coefficient = 0.05 }, EntropyCoefficient = 0.01 };

    private readonly GridJobs _jobs = new();

    private static readonly Dictionary<string, Func<JobSpec, JobSpec>> Variants = new()
    {
        ["packed by a token budget"] = job => job with { Update = job.Update with { MaxTokensPerMicroBatch = 60 } },
        ["packed, recomputed, logits in chunks"] = job => job with { Update = job.Update with { MaxTokensPerMicroBatch = 60, RecomputeActivations = true, MaxLogits = 700 } },
        ["one gradient per objective, recomputed"] = job => job with { Scalarizer = new MgdaScalarizerSpec(), Loss = s_regularized, Update = job.Update with { MaxTokensPerMicroBatch = 60, RecomputeActivations = true, MaxLogits = 700 } },
        ["last block first, then the combined loss, in stages"] = job => job with
        {
            Scalarizer = new MgdaScalarizerSpec { Plan = CombinationPlan.SecondPass, GramScope = GramScope.LastBlock },
            Loss = s_regularized,
            Update = job.Update with { RecomputeActivations = true, MaxLogits = 700 },
        },
        ["tokens chosen among packed sequences"] = job => job with { Loss = new LossSpec { Kind = LossKind.KlCov, CovShare = 0.2 }, Update = job.Update with { MaxTokensPerMicroBatch = 60 } },
        ["values through chunks"] = job => job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Gae }, Loss = new LossSpec { Value = new ValueLossSpec { Coefficient = 0.1 } }, Update = job.Update with { RecomputeActivations = true, MaxLogits = 700 } },
        ["bfloat16"] = job => job with { Model = job.Model with { Dtype = ComputeType.Bfloat16 }, Loss = s_regularized },
        ["float16, recomputed"] = job => job with { Model = job.Model with { Dtype = ComputeType.Float16 }, Update = job.Update with { RecomputeActivations = true } },
    };

    public static TheoryData<string> Names => new(Variants.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_job_gives_the_same_bits_with_and_without_a_grid_on_one_and_two_lanes(string name)
    {
        var job = Variants[name](Small());
        await _jobs.RequireGridEqualsLocalAsync(job, TestContext.Current.CancellationToken);
    }

    [Theory]
    [InlineData("linear", 3)]
    [InlineData("ctwa", 2)]
    public async Task Several_devices_of_one_kind_give_the_bits_of_one(string method, int devices)
    {
        var job = _jobs.Read(ExactnessJobs.Create(method, odd: true));
        job = job with { WarmStart = job.WarmStart! with { Steps = 4, CheckpointEvery = 0 }, Schedule = job.Schedule with { Steps = 2, ValidationPrompts = 2 } };
        if (method == "linear") { job = job with { Scalarizer = new MgdaScalarizerSpec(), Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Gae }, Loss = job.Loss with { Value = new ValueLossSpec { Coefficient = 0.1 } } }; }
        await _jobs.RequireGridEqualsLocalAsync(job, TestContext.Current.CancellationToken, devices);
    }

    [Theory]
    [InlineData(ComputeType.Float32, 0, false)]
    [InlineData(ComputeType.Bfloat16, 0.1, true)]
    public async Task Adapters_give_the_same_bits_on_the_grid_and_their_base_stays_as_it_is(ComputeType type, double dropout, bool warm)
    {
        string folder = await BaseModelAsync();
        byte[] before = await File.ReadAllBytesAsync(Path.Combine(folder, "model.safetensors"), TestContext.Current.CancellationToken);
        var small = Small();
        var job = small with
        {
            Model = new ModelSpec { Path = folder, Dtype = type, Lora = new LoraSpec { Rank = 4, Dropout = dropout } },
            WarmStart = warm ? small.WarmStart : null,
            Loss = s_regularized,
            Update = small.Update with { RecomputeActivations = true },
        };
        await _jobs.RequireGridEqualsLocalAsync(job, TestContext.Current.CancellationToken, devices: 2);
        Assert.Equal(before, await File.ReadAllBytesAsync(Path.Combine(folder, "model.safetensors"), TestContext.Current.CancellationToken));
        string checkpoint = Directory.GetDirectories(Path.Combine(_jobs.Folder, "lanes-2", "checkpoints")).Order(StringComparer.Ordinal).Last();
        Assert.True(File.Exists(Path.Combine(checkpoint, "adapter_config.json")));
        Assert.False(File.Exists(Path.Combine(checkpoint, "model.safetensors")));
        // Only adapters trained by a warm start need a reference of their own.
        Assert.Equal(warm, File.Exists(Path.Combine(_jobs.Folder, "lanes-2", "reference", "model.safetensors")));
    }

    public void Dispose() => _jobs.Dispose();

    private async Task<string> BaseModelAsync()
    {
        var job = Small();
        var run = await _jobs.TrainLocallyAsync(job with { Schedule = job.Schedule with { Steps = 0 } }, "base");
        return Directory.GetDirectories(Path.Combine(_jobs.Folder, "base", "checkpoints")).Order(StringComparer.Ordinal).Last();
    }

    private JobSpec Small()
    {
        var job = _jobs.Read(ExactnessJobs.Create("linear", odd: true));
        return job with
        {
            WarmStart = job.WarmStart! with { Steps = 4, CheckpointEvery = 0 },
            Schedule = job.Schedule with { Steps = 2, ValidationPrompts = 2 },
        };
    }
}
