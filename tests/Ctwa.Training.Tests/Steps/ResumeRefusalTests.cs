using System.Text.Json;
using Ctwa.Training.Runs;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using Xunit;

namespace Ctwa.Training.Tests.Steps;

/// <summary>A resume under another job, or on another machine.</summary>
public sealed class ResumeRefusalTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-test-").FullName;

    private static readonly JobSpec Job = TinyJobs.Arithmetic(steps: 1, warmStartSteps: 1, hidden: 8);

    private static readonly Dictionary<string, (JobSpec Job, string Named)> Others = new()
    {
        ["wider model"] = (Job with { Model = new ModelSpec { Init = Job.Model.Init! with { HiddenSize = 16 } } }, "model.init.hidden_size is 16 but was 8"),
        ["other seed"] = (Job with { Seed = 8 }, "seed is 8 but was 7"),
        ["renamed objective"] = (Job with { Objectives = [Job.Objectives[0], Job.Objectives[1] with { Name = "brevity" }, Job.Objectives[2]] }, "objectives[1].name is \"brevity\" but was \"conciseness\""),
        ["other order"] = (Job with { Objectives = [Job.Objectives[1], Job.Objectives[0], Job.Objectives[2]] }, "objectives[0].name is \"conciseness\" but was \"accuracy\""),
        ["one objective less"] = (Job with { Objectives = [Job.Objectives[0], Job.Objectives[1]] }, "objectives[2].name is absent but was \"clarity\""),
        ["other method"] = (Job with { Scalarizer = new LinearScalarizerSpec() }, "scalarizer.method is \"linear\" but was \"ctwa\""),
        ["other learning rate"] = (Job with { Optimizer = Job.Optimizer with { LearningRate = 0.5 } }, "optimizer.learning_rate is 0.5 but was 0.001"),
        ["other shards"] = (Job with { Grid = Job.Grid with { Shards = 4 } }, "grid.shards is 4 but was 3"),
        ["no warm start"] = (Job with { WarmStart = null }, "warm_start."),
        ["other packing"] = (Job with { Update = Job.Update with { MaxTokensPerMicroBatch = 100 } }, "update.max_tokens_per_micro_batch is 100 but was absent"),
        ["other data"] = (Job with { Data = Job.Data with { Train = Job.Data.Train with { Count = 65 } } }, "data.train.count is 65 but was 64"),
    };

    public static TheoryData<string> Names => new(Others.Keys);

    [Theory]
    [MemberData(nameof(Names))]
    public async Task A_run_is_not_resumed_under_another_job_and_stays_as_it_was(string name)
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job);
        var expected = await run.FinishAsync();
        string metrics = File.ReadAllText(run.In("metrics.jsonl"));
        var error = await Assert.ThrowsAsync<JobInputException>(() => run.AttemptAsync(changed: Others[name].Job));
        Assert.Contains(Others[name].Named, error.Message, StringComparison.Ordinal);
        Assert.Contains("Only schedule.*, tracking.*, grid.mirror and grid.straggler_factor may change", error.Message, StringComparison.Ordinal);
        Assert.Equal(metrics, File.ReadAllText(run.In("metrics.jsonl")));
        Assert.Equal(expected, RunTrace.Of(run));
    }

    [Fact]
    public async Task The_job_that_a_run_directory_holds_is_the_job_of_its_checkpoints()
    {
        var run = new RunFolder(Path.Combine(_folder, "a"), Job);
        var expected = await run.FinishAsync();
        var read = JobSpecReader.ReadText("job.yaml", File.ReadAllText(run.In("job.yaml")), []);
        Assert.Empty(read.Errors);
        await run.AttemptAsync(changed: read.Spec);
        Assert.Equal(expected, RunTrace.Of(run));
        Assert.Empty(run.Observer.Warnings);
    }

    [Fact]
    public void A_checkpoint_from_another_kind_of_machine_is_resumed_with_a_warning_that_names_the_difference()
    {
        CheckpointOrigin.WriteTo(_folder, Job);
        var warnings = new List<string>();
        CheckpointOrigin.Check(_folder, Job, warnings.Add);
        Assert.Empty(warnings);

        var here = NumericFingerprint.OfCpu(1);
        (here with { Device = "Another 9000", LibTorch = "1.0" }).WriteTo(_folder);
        CheckpointOrigin.Check(_folder, Job, warnings.Add);
        string warning = Assert.Single(warnings);
        Assert.Contains($"device: Another 9000 → {here.Device}; libtorch: 1.0 → {here.LibTorch}", warning, StringComparison.Ordinal);
        Assert.Contains("its bits may differ", warning, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_that_moved_are_a_warning()
    {
        var job = Job with { Data = Job.Data with { Train = new DataSourceSpec { Path = "/there/x.jsonl" } } };
        CheckpointOrigin.WriteTo(_folder, job);
        var warnings = new List<string>();
        CheckpointOrigin.Check(_folder, job with { Data = job.Data with { Train = new DataSourceSpec { Path = "/here/x.jsonl" } } }, warnings.Add);
        Assert.Contains("data.train.path is \"/here/x.jsonl\" but was \"/there/x.jsonl\"", Assert.Single(warnings), StringComparison.Ordinal);
    }

    /// <summary>What reinforcement learning reads and the supervised stage does not.</summary>
    private static readonly Dictionary<string, JobSpec> Later = new()
    {
        ["name"] = Job with { Name = "another" },
        ["scalarizer"] = Job with { Scalarizer = new LinearScalarizerSpec() },
        ["objectives"] = Job with { Objectives = [Job.Objectives[1], Job.Objectives[0]] },
        ["advantage"] = Job with { Advantage = new AdvantageSpec { Estimator = AdvantageEstimator.Grpo } },
        ["loss"] = Job with { Loss = new LossSpec { ClipLow = 0.5, Kl = new KlSpec { Coefficient = 0.1 } } },
        ["optimizer"] = Job with { Optimizer = Job.Optimizer with { LearningRate = 0.5 } },
        ["update"] = Job with { Update = new UpdateSpec { Epochs = 2 } },
        ["rollout"] = Job with { Rollout = Job.Rollout with { SamplesPerPrompt = 2 } },
        ["diagnostics"] = Job with { Diagnostics = new DiagnosticsSpec { GramEvery = 3 } },
        ["schedule"] = Job with { Schedule = Job.Schedule with { Steps = 9 } },
    };

    public static TheoryData<string> LaterNames => new(Later.Keys);

    /// <summary>A key that a job gets must be put into one of the two lists: does the supervised stage read it?</summary>
    [Fact]
    public void Every_section_of_a_job_either_binds_a_supervised_checkpoint_or_is_known_not_to()
    {
        string[] sections = [.. typeof(JobSpec).GetProperties().Select(property => JsonNamingPolicy.SnakeCaseLower.ConvertName(property.Name))];
        string[] binding = ["kind", "seed", "model", "data", "warm_start", "supervised", "grid"], known = [.. Later.Keys, "reward_kl", "reward_models"];
        Assert.Equal(binding, binding.Intersect(sections));
        Assert.All(binding, section => Assert.True(JobSettings.DecidesSupervisedStage(section)));
        Assert.All(known, section => Assert.False(JobSettings.DecidesSupervisedStage(section)));
        Assert.Empty(sections.Except(binding).Except(known));
    }

    [Theory]
    [MemberData(nameof(LaterNames))]
    public void A_checkpoint_of_the_supervised_stage_serves_every_job_with_the_same_supervised_stage(string section)
    {
        string supervised = Checkpoint("supervised-000001"), later = Checkpoint("step-000001");
        Assert.NotEmpty(JobSettings.Differences(Job, Later[section]));
        CheckpointOrigin.Check(supervised, Later[section], warning => Assert.Fail(warning));
        if (section is "name" or "schedule") { CheckpointOrigin.Check(later, Later[section], warning => Assert.Fail(warning)); }
        else { Assert.Throws<JobInputException>(() => CheckpointOrigin.Check(later, Later[section], warning => Assert.Fail(warning))); }
    }

    [Theory]
    [InlineData("wider model")]
    [InlineData("other seed")]
    [InlineData("other shards")]
    [InlineData("no warm start")]
    [InlineData("other data")]
    [InlineData("other packing")]
    public void A_checkpoint_of_the_supervised_stage_is_refused_to_a_job_with_another_one(string name)
    {
        var error = Assert.Throws<JobInputException>(() => CheckpointOrigin.Check(Checkpoint("supervised-000001"), Others[name].Job, warning => Assert.Fail(warning)));
        Assert.Contains(Others[name].Named, error.Message, StringComparison.Ordinal);
        Assert.Contains("all but kind, seed, model, data, warm_start, supervised, grid and how micro-batches are computed", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_without_a_recorded_origin_is_not_refused_for_it() => CheckpointOrigin.Check(_folder, Job, warning => Assert.Fail(warning));

    private string Checkpoint(string name)
    {
        string folder = Directory.CreateDirectory(Path.Combine(_folder, "checkpoints", name)).FullName;
        CheckpointOrigin.WriteTo(folder, Job);
        return folder;
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
