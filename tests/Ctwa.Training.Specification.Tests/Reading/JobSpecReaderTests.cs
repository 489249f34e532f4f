using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobSpecReaderTests
{
    [Fact]
    public void A_small_job_is_read_with_its_defaults()
    {
        var spec = Jobs.SmallSpec;
        Assert.Equal("small", spec.Name);
        Assert.Equal(64, spec.Model.Init!.HiddenSize);
        Assert.Equal(BuiltInTask.Arithmetic, spec.Data.Train.Task);
        Assert.Equal(["accuracy", "clarity"], spec.Objectives.Select(o => o.Name));
        Assert.IsType<ClarityRewardSpec>(spec.Objectives[1].Reward);
        Assert.Equal(1.0, spec.Objectives[1].Weight);
        Assert.IsType<LinearScalarizerSpec>(spec.Scalarizer);
        Assert.Equal([0.9, 0.999], spec.Optimizer.Betas);
        Assert.Equal(TimeSpan.FromMilliseconds(500), ScoringTimeout.Of(spec.Objectives[1]));
    }

    [Fact]
    public void The_discriminator_may_stand_anywhere_and_numbers_may_be_lists()
    {
        var spec = Jobs.Read(Jobs.Small + "scalarizer: { targets: [0.1, 0.2], objective_targets: 0.9, method: ctwa, mode: reference }\n");
        var ctwa = Assert.IsType<CtwaScalarizerSpec>(spec.Scalarizer);
        Assert.Equal([0.1, 0.2], ctwa.Targets!.List!);
        Assert.Equal(0.9, ctwa.ObjectiveTargets!.Single);
        Assert.Equal(MethodMode.Reference, ctwa.Mode);
    }

    [Theory]
    [InlineData("seed: 0x10", 16L)]
    [InlineData("seed: 0o17", 15L)]
    [InlineData("seed: +7", 7L)]
    [InlineData("seed: 1e3", 1000L)]
    [InlineData("seed: 9223372036854775807", long.MaxValue)]
    [InlineData("seed: 010", 10L)]
    public void Whole_numbers_follow_the_core_schema(string line, long expected) => Assert.Equal(expected, Jobs.Read(Jobs.Small + line + "\n").Seed);

    [Theory]
    [InlineData("1e-6", 1e-6)]
    [InlineData("1.0E-6", 1e-6)]
    [InlineData(".5", 0.5)]
    [InlineData("1", 1.0)]
    [InlineData("1.", 1.0)]
    public void Numbers_follow_the_core_schema(string number, double expected) => Assert.Equal(expected, Jobs.Read(Jobs.Small + $"optimizer: {{ learning_rate: {number} }}\n").Optimizer.LearningRate);

    [Fact]
    public void Aliases_repeat_a_value_and_an_override_changes_one_use_only()
    {
        const string text = """
            name: small
            model: { path: m }
            data:
              train: &source { path: train.jsonl, prompt_field: question }
              validation: *source
            objectives: [{ name: a, reward: { kind: clarity } }]
            """;
        var spec = Jobs.Read(text, "data.validation.path=held-out.jsonl");
        Assert.Equal("train.jsonl", spec.Data.Train.Path);
        Assert.Equal("held-out.jsonl", spec.Data.Validation!.Path);
        Assert.Equal("question", spec.Data.Validation.PromptField);
    }

    [Fact]
    public void A_byte_order_mark_and_windows_line_ends_are_accepted()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, Jobs.Small.ReplaceLineEndings("\r\n"), new System.Text.UTF8Encoding(true));
        Assert.Empty(JobSpecReader.Read(file, []).Errors);
        File.Delete(file);
    }

    [Fact]
    public void Errors_of_all_kinds_are_reported_together_in_the_order_of_the_file()
    {
        const string text = """
            name: bad name
            modle: { path: m }
            data: { train: { task: arithmetic, min_terms: 5, max_terms: 4 } }
            rollout: { prompts_per_step: many, top_k: 20 }
            objectives:
              - { name: a, reward: { kind: clarty } }
            """;
        string[] errors = [.. Jobs.Errors(text).Select(e => e.ToString())];
        Assert.Collection(
            errors,
            e => Assert.Equal("job.yaml(1,1): schedule.validate_every: is 10, but there is no data.validation; give data.validation, or validate_every: 0.", e),
            e => Assert.StartsWith("job.yaml(1,7): name: is 'bad name'", e),
            e => Assert.Equal("job.yaml(2,1): modle: unknown key; did you mean 'model'?", e),
            e => Assert.Contains("data.train.min_terms: is 5, more than max_terms 4", e),
            e => Assert.StartsWith("job.yaml(4,30): rollout.prompts_per_step: is text, 'many'", e),
            e => Assert.Contains("rollout.top_k: is 20; accepted is 0", e),
            e => Assert.Contains("objectives[0].reward.kind: is 'clarty'; accepted: math_boxed, conciseness, clarity, gsm8k, length, regex, expression, process, http, model, shared. Did you mean 'clarity'?", e));
    }

    [Fact]
    public void Input_and_output_failures_are_one_error()
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        string Error(string path) => Assert.Single(JobSpecReader.Read(path, []).Errors).ToString();
        Assert.Contains("no such file", Error(Path.Combine(folder, "absent.yaml")));
        Assert.Contains("no such file", Error(Path.Combine(folder, "no", "folder.yaml")));
        Assert.Contains("is a directory", Error(folder));
        Assert.Contains("cannot be read", Error("a\0b"));
        Assert.Contains("cannot be read", Error(""));
        string binary = Path.Combine(folder, "binary.yaml");
        File.WriteAllBytes(binary, [0x50, 0x4B, 3, 4, 0, 0]);
        Assert.Contains("is not UTF-8 text", Error(binary));
        File.WriteAllBytes(binary, [.. "name: "u8, 0xFF, 0xFE]);
        Assert.Contains("is not UTF-8 text", Error(binary));
        File.WriteAllText(binary, new string('#', JobSpecReader.MaxBytes + 1));
        Assert.Contains("longer than 256 KB", Error(binary));
        File.WriteAllText(binary, "# only a comment\n");
        Assert.Contains("is empty", Error(binary));
        Assert.Contains("longer than 256 KB", Error("/dev/zero"));
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public void Hundreds_of_errors_are_cut()
    {
        string text = Jobs.Small + string.Concat(Enumerable.Range(0, 500).Select(i => $"zzzzz{i}: 1\n"));
        var errors = Jobs.Errors(text);
        Assert.Equal(101, errors.Count);
        Assert.Equal("job.yaml: 400 more errors are not shown.", errors[^1].ToString());
    }

    [Fact]
    public void A_later_finding_is_placed_where_the_file_says_it()
    {
        var result = JobSpecReader.ReadText("job.yaml", Jobs.Small, []);
        Assert.Equal("job.yaml(8,23): objectives[0].reward: x", result.At(new JobFinding("objectives[0].reward", "x")).ToString());
        Assert.Equal(10, result.At(new JobFinding("objectives[1].reward.kind", "x")).Line);
        Assert.Equal(1, result.At(new JobFinding("rollout.top_k", "x")).Line);
    }
}
