using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>Invariant I6: however a run is interrupted, its end and its history are those of the run that was not.</summary>
public sealed class ResumeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    /// <summary>Methods, losses and schedules that keep different kinds of memory from step to step.</summary>
    private static readonly Dictionary<string, JobSpec> Jobs = new()
    {
        ["ctwa"] = Small(),
        ["ctwa reference"] = Small() with { Scalarizer = new CtwaScalarizerSpec { Mode = MethodMode.Reference, Targets = new(0.15), LearningRate = 0.05 } },
        ["linear kl entropy"] = Small() with { Scalarizer = new LinearScalarizerSpec(), Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 }, EntropyCoefficient = 0.01 }, Update = new UpdateSpec { PromptsPerUpdate = 4, Epochs = 2, MicroBatchSize = 3 } },
        ["grpo cosine"] = Small() with
        {
            Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Grpo },
            Loss = new LossSpec { Aggregation = LossAggregation.SequenceMeanTokenMean },
            Optimizer = new OptimizerSpec { LearningRate = 1e-3, Schedule = LearningRateSchedule.Cosine, WarmupSteps = 3 },
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 3, MaxNewTokens = 8, Temperature = 0.9 },
        },
        ["discounted, decaying length, no warm start"] = Small() with
        {
            WarmStart = null,
            Advantage = new AdvantageSpec { Gamma = 0.97 },
            Objectives = [new ObjectiveSpec { Name = "short", Reward = new ConcisenessRewardSpec { Decay = 0.5 }, Weight = 2 }, new ObjectiveSpec { Name = "right", Reward = new MathBoxedRewardSpec() }],
        },
        ["gae with values that train the policy"] = Small() with
        {
            Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Gae, Gamma = 0.98, Lambda = 0.9 },
            Loss = new LossSpec { Value = new ValueLossSpec { LearningRate = 0.01, Coefficient = 0.1, Clip = 0.2 } },
        },
        ["adaptive penalty in the reward"] = Small() with { RewardKl = new RewardKlSpec { Coefficient = 0.2, Controller = KlController.Adaptive, Target = 0.001, Horizon = 30 } },
        ["remax with importance weights"] = Small() with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Remax }, Loss = new LossSpec { ImportanceCap = 2 } },
        ["bfloat16, packed, recomputed"] = Small() with
        {
            Model = Small().Model with { Dtype = ComputeType.Bfloat16 },
            Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 } },
            Update = new UpdateSpec { PromptsPerUpdate = 2, MaxTokensPerMicroBatch = 40, RecomputeActivations = true, MaxLogits = 300 },
        },
        ["adapters with dropout and a reference of their own"] = Small() with { Model = new ModelSpec { Lora = new LoraSpec { Rank = 2, Dropout = 0.2 } }, Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 } } },
        ["adapters whose reference is the base"] = Small() with { Model = new ModelSpec { Lora = new LoraSpec { Rank = 2 } }, Loss = new LossSpec { Kl = new KlSpec { Coefficient = 0.1 } }, WarmStart = null },
        ["sft"] = Small() with { Kind = JobKind.Sft, Supervised = Small().WarmStart! with { Steps = 5, CheckpointEvery = 2 }, WarmStart = null, Objectives = [] },
    };

    public static TheoryData<string> Names => new(Jobs.Keys);

    private static JobSpec Small()
    {
        var job = TinyJobs.Arithmetic(steps: 4, warmStartSteps: 3, hidden: 8);
        return job with
        {
            WarmStart = job.WarmStart! with { BatchSize = 4, CheckpointEvery = 2 },
            Rollout = new RolloutSpec { PromptsPerStep = 4, SamplesPerPrompt = 3, MaxNewTokens = 8 },
            Update = new UpdateSpec { PromptsPerUpdate = 2, MicroBatchSize = 3 },
            Grid = new GridSpec { Shards = 2, Slices = 2 },
            Schedule = job.Schedule with { ValidationPrompts = 4, SamplesKept = 2 },
        };
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_run_stopped_at_any_step_boundary_ends_as_if_never_stopped(string name)
    {
        var expected = await Run(name, "whole").FinishAsync();
        int lines = expected.Metrics.Split('\n').Length, stopped = 0;
        for (int boundary = 1; boundary <= lines; boundary++)
        {
            using var stop = new CancellationTokenSource();
            int heard = 0;
            var run = Run(name, $"stopped-{boundary}");
            if (await run.AttemptAsync(observer: new RecordingObserver(onMetrics: () => { if (++heard == boundary) { stop.Cancel(); } }), stop: stop) == RunOutcome.Stopped)
            {
                stopped++;
                Assert.Equal(expected, await run.FinishAsync());
            }
            else
            {
                Assert.Equal(expected, RunTrace.Of(run));
            }
        }

        Assert.Equal(lines - 1, stopped); // After the last step there is nothing to stop.
    }

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_run_aborted_before_or_after_any_call_ends_as_if_never_aborted(string name)
    {
        FaultyBackend? counter = null;
        await Run(name, "whole").AttemptAsync(backend => counter = new FaultyBackend(backend));
        var expected = RunTrace.Of(Run(name, "whole"));

        // Odd strides: calls before which and after which the run is aborted alternate, and every kind of call is met.
        int stride = name == "ctwa" ? 3 : 11;
        for (int call = 1; call <= counter!.Calls; call += stride)
        {
            var run = Run(name, $"aborted-{call}");
            void Abort(int number, string what)
            {
                if (number == call) { throw new AbortException($"{what} ({number})"); }
            }

            await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => call % 2 == 0 ? new FaultyBackend(backend, before: Abort) : new FaultyBackend(backend, after: Abort)));
            Assert.Equal(expected, await run.FinishAsync());
            Directory.Delete(run.Path, recursive: true);
        }
    }

    [Fact]
    public async Task A_run_aborted_again_and_again_ends_as_if_never_aborted()
    {
        const string Name = "linear kl entropy";
        var expected = await Run(Name, "whole").FinishAsync();
        var random = new Random(20240607);
        var run = Run(Name, "aborted");
        for (int attempts = 0; attempts < 12; attempts++)
        {
            int limit = random.Next(1, 40);
            try
            {
                await run.AttemptAsync(backend => new FaultyBackend(backend, before: (number, what) => { if (number == limit) { throw new AbortException(what); } }));
                break;
            }
            catch (AbortException)
            {
            }
        }

        Assert.Equal(expected, await run.FinishAsync());
    }

    [Fact]
    public async Task An_observer_that_throws_anywhere_costs_no_history()
    {
        var expected = await Run("ctwa", "whole").FinishAsync();
        int moment = 0, aborted = 0;
        do
        {
            int heard = 0;
            moment += 2;
            var run = Run("ctwa", $"aborted-{moment}");
            try
            {
                await run.AttemptAsync(observer: new RecordingObserver(onAnything: () => { if (++heard == moment) { throw new AbortException("observer"); } }));
                moment = int.MaxValue;
            }
            catch (AbortException)
            {
                aborted++;
                Assert.Equal(expected, await run.FinishAsync());
            }
        }
        while (moment < 1000);

        Assert.True(aborted >= 6, $"only {aborted} moments were tried");
    }

    [Fact]
    public async Task A_checkpoint_left_half_written_is_cleared_away_and_written_again()
    {
        var expected = await Run("ctwa", "whole").FinishAsync();
        var run = Run("ctwa", "aborted");
        int saves = 0;
        void Tear(string folder)
        {
            if (++saves < 3) { return; }
            string file = Path.Combine(folder, "model.safetensors");
            File.WriteAllBytes(file, File.ReadAllBytes(file)[..100]);

            // The process dies here: nobody clears up. An exception would be cleared up after, so the folder is kept by a copy.
            CopyFolder(folder, folder.Replace(".writing-", ".writing-again-", StringComparison.Ordinal));
            throw new AbortException("save");
        }

        await Assert.ThrowsAsync<AbortException>(() => run.AttemptAsync(backend => new FaultyBackend(backend, saved: Tear)));
        Assert.Single(Directory.GetDirectories(run.In("checkpoints"), ".writing-*"));
        Assert.Equal(expected, await run.FinishAsync());
        Assert.Empty(Directory.GetDirectories(run.In("checkpoints"), ".writing-*"));
        Assert.Empty(run.Observer.Warnings);
    }

    [Theory]
    [InlineData("model.safetensors", "does not match its SHA-256")]
    [InlineData("optimizer.safetensors", "does not match its SHA-256")]
    [InlineData("state.json", "does not match its SHA-256")]
    [InlineData("manifest.json", "manifest.json")]
    public async Task A_damaged_checkpoint_is_skipped_with_a_warning_and_the_earlier_one_continues_the_run(string file, string reason)
    {
        var expected = await Run("linear kl entropy", "whole").FinishAsync();
        var run = Run("linear kl entropy", "damaged");
        await run.FinishAsync();
        Assert.Equal(2, run.Checkpoints.Complete().Count);
        string newest = run.Checkpoints.Complete()[^1], path = Path.Combine(newest, file);
        byte[] bytes = File.ReadAllBytes(path);
        if (file == "manifest.json") { bytes = bytes[..(bytes.Length / 2)]; } else { bytes[bytes.Length / 2] ^= 1; }
        File.WriteAllBytes(path, bytes);

        Assert.Equal(expected, await run.FinishAsync());
        string warning = Assert.Single(run.Observer.Warnings);
        Assert.Contains(newest, warning, StringComparison.Ordinal);
        if (file != "manifest.json") { Assert.Contains($"{file} {reason}", warning, StringComparison.Ordinal); }
        Assert.Contains("resumed after step-000002", run.Observer.Messages);
        Assert.Equal(2, run.Checkpoints.Complete().Count);
        Assert.True(Directory.Exists(run.In("checkpoints", "damaged-step-000004")), "a damaged checkpoint is set aside, not destroyed");
    }

    [Fact]
    public async Task With_every_checkpoint_damaged_the_run_begins_again_and_ends_the_same()
    {
        var run = Run("ctwa", "damaged");
        var expected = await run.FinishAsync();
        foreach (string checkpoint in run.Checkpoints.Complete()) { File.Delete(Path.Combine(checkpoint, "optimizer.safetensors")); }
        Assert.Equal(expected, await run.FinishAsync());
        Assert.Contains(run.Observer.Warnings, warning => warning.Contains("begins again", StringComparison.Ordinal));
        Assert.Equal(2, run.Checkpoints.Complete().Count);
    }

    [Fact]
    public async Task A_finished_run_that_is_resumed_stays_as_it_is()
    {
        var run = Run("ctwa", "a");
        var expected = await run.FinishAsync();
        Assert.Equal(expected, await run.FinishAsync());
    }

    [Fact]
    public async Task A_finished_run_continues_with_a_longer_schedule()
    {
        var longer = Jobs["ctwa"];
        var shorter = longer with { Schedule = longer.Schedule with { Steps = 2 } };
        var expected = await Run("ctwa", "whole").FinishAsync();
        var run = new RunFolder(Path.Combine(_folder, "a"), shorter);
        await run.FinishAsync();
        await run.AttemptAsync(changed: longer);
        var actual = RunTrace.Of(run);
        Assert.Equal((expected.Weights, expected.Optimizer, expected.State, expected.Samples), (actual.Weights, actual.Optimizer, actual.State, actual.Samples));
    }

    [Fact]
    public async Task A_schedule_without_steps_can_be_extended_and_keeps_one_first_line()
    {
        var longer = Jobs["ctwa"];
        var run = new RunFolder(Path.Combine(_folder, "a"), longer with { Schedule = longer.Schedule with { Steps = 0 } });
        await run.FinishAsync();
        await run.AttemptAsync(changed: longer);
        Assert.Single(File.ReadLines(run.In("metrics.jsonl")), line => line.Contains("\"stage\":\"rl\",\"step\":0,", StringComparison.Ordinal));
        Assert.Equal((await Run("ctwa", "whole").FinishAsync()).Weights, RunTrace.Of(run).Weights);
    }

    [Fact]
    public async Task A_damaged_reference_policy_is_an_error_and_not_another_run()
    {
        var run = Run("linear kl entropy", "a");
        await run.FinishAsync();
        string reference = run.In("reference", "model.safetensors");
        byte[] bytes = File.ReadAllBytes(reference);
        bytes[^1] ^= 1;
        File.WriteAllBytes(reference, bytes);
        var error = await Assert.ThrowsAsync<RunDirectoryException>(() => run.AttemptAsync());
        Assert.Contains(reference, error.Message, StringComparison.Ordinal);
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private RunFolder Run(string name, string folder)
    {
        var job = Jobs[name];
        return new(Path.Combine(_folder, folder), job.Model.Lora is null ? job : job with { Model = job.Model with { Path = BaseModel() } });
    }

    /// <summary>A model folder for adapters.</summary>
    private string BaseModel()
    {
        string folder = Path.Combine(_folder, "base");
        if (Directory.Exists(folder)) { return folder; }
        Directory.CreateDirectory(folder);
        var job = PreparedJob.Prepare(Small(), _folder);
        using var memory = job.CreateMemory(TorchSharp.torch.CPU);
        PolicyFiles.Load(job, memory, null, null);
        PolicyFiles.Save(job, memory.Vectors, folder);
        return folder;
    }

    private static void CopyFolder(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (string file in Directory.GetFiles(from)) { File.Copy(file, Path.Combine(to, Path.GetFileName(file))); }
    }
}
