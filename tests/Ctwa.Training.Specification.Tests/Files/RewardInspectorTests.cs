using System.Text.Json.Nodes;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

/// <summary>What rewards name is checked before anything starts, and counted in the plan.</summary>
public sealed class RewardInspectorTests : IDisposable
{
    private static readonly ModelInitSpec init = new() { HiddenSize = 8, IntermediateSize = 12, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 1, Tokenizer = "arithmetic", TieWordEmbeddings = true, MaxPositionEmbeddings = 4096 };

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-inspect-").FullName;

    public RewardInspectorTests()
    {
        var config = ModelConfig.FromInit(init, 16);
        string model = Directory.CreateDirectory(Path.Combine(_folder, "judge")).FullName;
        var json = JsonNode.Parse(config.ToJson())!.AsObject();
        json["architectures"] = new JsonArray("Qwen2ForSequenceClassification");
        json["id2label"] = new JsonObject { ["0"] = "helpful", ["1"] = "safe" };
        File.WriteAllText(Path.Combine(model, "config.json"), json.ToJsonString());
        File.WriteAllBytes(Path.Combine(model, "model.safetensors"), SafetensorsFile.Of(config.Parameters().Append(new ModelParameter(RewardModelFolder.Head, [2, 8]))));
        File.WriteAllText(Path.Combine(model, "tokenizer.json"), """{"model": {"type": "BPE", "vocab": {"a": 0, "b": 15}, "merges": []}}""");
    }

    private static JobSpec Job(params RewardSpec[] rewards) => Jobs.SmallSpec with { Objectives = [.. rewards.Select((reward, i) => new ObjectiveSpec { Name = $"o{i}", Reward = reward })] };

    private string[] Findings(JobSpec job) => [.. JobInspector.Inspect(job, _folder).Findings.Select(finding => $"{finding.Path}: {finding.Message}")];

    [Fact]
    public void Programs_folders_certificates_and_models_that_are_wrong_are_all_told()
    {
        File.WriteAllText(Path.Combine(_folder, "plain.py"), "");
        File.WriteAllText(Path.Combine(_folder, "ca.pem"), "no certificate");
        string[] found = Findings(Job(
            new ProcessRewardSpec { Command = ["./absent.py"], WorkingDirectory = "nowhere" },
            new ProcessRewardSpec { Command = ["./plain.py"] },
            new ProcessRewardSpec { Command = ["ctwa-no-such-program"] },
            new HttpRewardSpec { Url = "https://a.example/", CaFile = "ca.pem" },
            new HttpRewardSpec { Url = "https://a.example/", CaFile = "absent.pem" },
            new ModelRewardSpec { Path = "absent" },
            new ModelRewardSpec { Path = "judge", Label = 2, MaxTokens = 8192 }));
        Assert.Collection(
            found,
            one => Assert.StartsWith("objectives[0].reward.command: begins with './absent.py', but there is no such file", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[0].reward.working_directory: is 'nowhere'", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[1].reward.command: begins with './plain.py', which is not executable", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[2].reward.command: begins with 'ctwa-no-such-program', but there is no such program on the PATH", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[3].reward.ca_file: is 'ca.pem', which holds no certificate", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[4].reward.ca_file: is 'absent.pem', but there is no such file", one, StringComparison.Ordinal),
            one => Assert.StartsWith("objectives[5].reward.path: is 'absent', but there is no such folder", one, StringComparison.Ordinal),
            one => Assert.Equal("objectives[6].reward.max_tokens: is 8192, but the model's max_position_embeddings is 4096; give at most that.", one),
            one => Assert.Equal("objectives[6].reward.label: is 2, but the model has 2 labels, numbered from 0: helpful, safe.", one));
    }

    [Fact]
    public void Outputs_of_a_shared_model_are_known_before_it_is_loaded()
    {
        var job = Job(
            new SharedRewardSpec { Source = "judge", Output = "helpful" },
            new SharedRewardSpec { Source = "judge", Output = "kind" },
            new SharedRewardSpec { Source = "judge", Index = 2 },
            new SharedRewardSpec { Source = "judge" }) with
        { RewardModels = [new RewardModelSpec { Name = "judge", Reward = new ModelRewardSpec { Path = "judge" } }] };
        Assert.Equal(
            [
                "objectives[1].reward.output: is 'kind', but the labels of judge are: helpful, safe.",
                "objectives[2].reward.index: is 2, but judge has 2 labels, numbered from 0: helpful, safe.",
                "objectives[3].reward: says neither output nor index, but judge has 2 labels: helpful, safe.",
            ],
            Findings(job));
    }

    [Fact]
    public void Paths_become_absolute_and_bare_programs_stay()
    {
        var job = JobInspector.WithAbsolutePaths(
            Job(new ProcessRewardSpec { Command = ["./grader.py", "data.txt"] }, new ProcessRewardSpec { Command = ["python3", "./grader.py"], WorkingDirectory = "sub" }, new ModelRewardSpec { Path = "judge" }), _folder);
        var first = (ProcessRewardSpec)job.Objectives[0].Reward;
        Assert.Equal(([Path.Combine(_folder, "grader.py"), "data.txt"], _folder), (first.Command.ToArray(), first.WorkingDirectory), (a, b) => a.Item1.SequenceEqual(b.Item1) && a.Item2 == b.Item2);
        var second = (ProcessRewardSpec)job.Objectives[1].Reward;
        Assert.Equal(["python3", "./grader.py", Path.Combine(_folder, "sub")], second.Command.Append(second.WorkingDirectory));
        Assert.Equal(Path.Combine(_folder, "judge"), ((ModelRewardSpec)job.Objectives[2].Reward).Path);
        Assert.Equal(JobSpecJson.Serialize(job), JobSpecJson.Serialize(JobInspector.WithAbsolutePaths(job, "/")));
    }

    [Fact]
    public void The_plan_shows_what_rewards_use_and_counts_the_memory_of_their_models()
    {
        var job = JobInspector.WithAbsolutePaths(Job(new ModelRewardSpec { Path = "judge", BatchTokens = 256, MaxTokens = 256 }, new HttpRewardSpec { Url = "https://a.example/", TokenEnv = "TOKEN" }), _folder);
        var inspected = JobInspector.Inspect(job);
        var folder = Assert.Single(inspected.RewardModels);
        var without = JobPlan.Create(job, inspected.Model!);
        var plan = JobPlan.Create(job, inspected.Model!, 2, inspected.RewardModels);
        // Decoder, head, and 256 tokens of 8 widths, three feed-forward rows and two heads' scores with 256 tokens, twice.
        long expected = 4 * (ModelConfig.FromInit(init, 16).ParameterCount() + (2 * 8) + (256 * ((8 * 8) + (3 * 12) + (2 * 2 * 256))));
        Assert.Equal((0, expected, without.Memory.Total + expected), (without.Memory.RewardModels, plan.Memory.RewardModels, plan.Memory.Total));
        Assert.Contains("uses         host https://a.example/ (objective o1)\nuses         environment variable TOKEN (objective o1)\nreward model qwen2, ", plan.ToText(), StringComparison.Ordinal);
        Assert.Contains("labels helpful, safe", plan.ToText(), StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
