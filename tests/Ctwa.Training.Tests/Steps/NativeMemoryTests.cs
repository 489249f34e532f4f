using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using TorchSharp;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Measures the whole process, so nothing else may run meanwhile.</summary>
[CollectionDefinition(nameof(NativeMemoryTests), DisableParallelization = true)]
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1711", Justification = "xUnit's own term.")]
public sealed class NativeMemoryCollection;

/// <summary>Native memory does not grow with the number of steps.</summary>
[Collection(nameof(NativeMemoryTests))]
public sealed class NativeMemoryTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    [Theory]
    [InlineData("ctwa")]
    [InlineData("ctwa reference")]
    [InlineData("kl and entropy")]
    [InlineData("two epochs, grpo")]
    [InlineData("gae, gspo")]
    [InlineData("remax, clip_cov, penalty in the reward")]
    [InlineData("bfloat16, packed, recomputed, logits in chunks")]
    [InlineData("one gradient per objective, last block first, in stages")]
    [InlineData("adapters with dropout")]
    public async Task Native_tensor_count_is_flat_over_twenty_steps(string variant)
    {
        var job = Variant(variant, TinyJobs.Arithmetic(steps: 20, warmStartSteps: 2, hidden: 8));
        if (job.Model.Lora is not null) { job = job with { Model = job.Model with { Path = BaseModel(job), Init = null } }; }
        var counts = new List<long>();
        await new RunFolder(Path.Combine(_folder, "a"), job).AttemptAsync(observer: new RecordingObserver(onStep: () => counts.Add(DisposeScopeManager.Statistics.ThreadTotalLiveCount)));
        Assert.Equal(21, counts.Count);
        Assert.True(counts.Skip(3).Max() <= counts[3], $"live tensors: {string.Join(", ", counts)}");
    }

    [Fact]
    [Trait("Category", "Long")]
    public async Task Resident_memory_is_flat_over_two_hundred_steps()
    {
        var job = Variant("kl and entropy", TinyJobs.Arithmetic(steps: 200, warmStartSteps: 0, hidden: 16));
        job = job with { Rollout = new RolloutSpec { PromptsPerStep = 3, SamplesPerPrompt = 4, MaxNewTokens = 8 }, Schedule = job.Schedule with { ValidateEvery = 20, CheckpointEvery = 20, SamplesEvery = 20 } };
        var resident = new List<double>();
        await new RunFolder(Path.Combine(_folder, "a"), job).AttemptAsync(observer: new RecordingObserver(onStep: () => resident.Add(ResidentMegabytes())));

        // Medians: single values move with the collector's mood.
        double early = Median(resident[40..80]), late = Median(resident[160..200]);
        TestContext.Current.TestOutputHelper?.WriteLine($"resident: {early:F1} MB over steps 40-80, {late:F1} MB over steps 160-200");
        Assert.True(late < early + 12, $"resident memory grew from {early:F1} to {late:F1} MB: {string.Join(", ", resident.Where((_, i) => i % 20 == 0).Select(value => $"{value:F0}"))}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string BaseModel(JobSpec job)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "base")).FullName;
        var prepared = PreparedJob.Prepare(job with { Model = job.Model with { Lora = null } }, _folder);
        using var memory = prepared.CreateMemory(torch.CPU);
        PolicyFiles.Load(prepared, memory, null, null);
        PolicyFiles.Save(prepared, memory.Vectors, folder);
        return folder;
    }

    private static JobSpec Variant(string name, JobSpec job) => name switch
    {
        "bfloat16, packed, recomputed, logits in chunks" => job with
        {
            Model = job.Model with { Dtype = ComputeType.Bfloat16 },
            Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 }, EntropyCoefficient = 0.01 },
            Update = job.Update with { MaxTokensPerMicroBatch = 60, RecomputeActivations = true, MaxLogits = 300 },
        },
        "one gradient per objective, last block first, in stages" => job with
        {
            Scalarizer = new MgdaScalarizerSpec { Plan = CombinationPlan.SecondPass, GramScope = GramScope.LastBlock },
            Update = job.Update with { RecomputeActivations = true, MaxLogits = 300 },
        },
        "adapters with dropout" => job with { Model = job.Model with { Lora = new LoraSpec { Rank = 2, Dropout = 0.2 } }, Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 } } },
        "ctwa" => job,
        "ctwa reference" => job with { Scalarizer = new CtwaScalarizerSpec { Mode = MethodMode.Reference, Targets = new(0.15) } },
        "kl and entropy" => job with { Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 }, EntropyCoefficient = 0.01 } },
        "gae, gspo" => job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Gae }, Loss = new LossSpec { Kind = LossKind.Gspo, Value = new ValueLossSpec { Coefficient = 0.1 } } },
        "remax, clip_cov, penalty in the reward" => job with
        {
            Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Remax },
            Loss = new LossSpec { Kind = LossKind.ClipCov, CovLow = 0, ImportanceCap = 2 },
            RewardKl = new RewardKlSpec { Coefficient = 0.1, Controller = KlController.Adaptive, Target = 0.1, Horizon = 100 },
        },
        _ => job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Grpo }, Update = job.Update with { Epochs = 2 } },
    };

    private static double Median(IEnumerable<double> values) => values.Order().ElementAt(values.Count() / 2);

    private static double ResidentMegabytes()
    {
        GC.Collect();
        string line = File.ReadLines("/proc/self/status").First(text => text.StartsWith("VmRSS", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], System.Globalization.CultureInfo.InvariantCulture) / 1024.0;
    }
}
