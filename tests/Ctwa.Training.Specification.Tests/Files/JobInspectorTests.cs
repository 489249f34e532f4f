using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Training.Specification.Tests;

public sealed class JobInspectorTests : IDisposable
{
    private const string Tokenizer = """{"model":{"type":"BPE","vocab":{"a":0,"b":1}},"added_tokens":[{"id":15,"content":"<eos>"}]}""";

    private static readonly ModelInitSpec init = new() { HiddenSize = 8, IntermediateSize = 12, NumHiddenLayers = 1, NumAttentionHeads = 2, NumKeyValueHeads = 1, Tokenizer = "arithmetic" };

    private readonly string folder = Directory.CreateTempSubdirectory().FullName;

    public JobInspectorTests()
    {
        var config = ModelConfig.FromInit(init, 16);
        Put("model/config.json", config.ToJson());
        Put("model/tokenizer.json", Tokenizer);
        File.WriteAllBytes(Path.Combine(folder, "model", "model.safetensors"), SafetensorsFile.Of(config.Parameters()));
        Put("train.jsonl", "\n{\"prompt\": \"1+1\", \"answer\": \"2\"}\n");
    }

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private void Put(string file, string text)
    {
        string path = Path.Combine(folder, file);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, text);
    }

    private JobInspection Inspect(Func<JobSpec, JobSpec>? change = null)
    {
        var job = Jobs.SmallSpec;
        job = job with { Model = new ModelSpec { Path = "model" }, Data = job.Data with { Train = new DataSourceSpec { Path = "train.jsonl" } } };
        return JobInspector.Inspect((change ?? (j => j))(job), folder);
    }

    private string Finding(Func<JobSpec, JobSpec>? change = null)
    {
        var finding = Assert.Single(Inspect(change).Findings);
        return $"{finding.Path}: {finding.Message}";
    }

    private static Func<JobSpec, JobSpec> Train(DataSourceSpec data) => job => job with { Data = job.Data with { Train = data } };

    private static Func<JobSpec, JobSpec> New(ModelInitSpec model) => job => job with { Model = new ModelSpec { Init = model } };

    [Fact]
    public void Good_files_give_the_model_and_no_finding()
    {
        var inspection = Inspect();
        Assert.Empty(inspection.Findings);
        Assert.Equal(16, inspection.Model!.VocabSize);
    }

    [Fact]
    public void Missing_parts_of_a_model_folder_are_named()
    {
        Assert.StartsWith("model.path: is 'absent', but there is no such folder", Finding(j => j with { Model = new ModelSpec { Path = "absent" } }));
        File.Delete(Path.Combine(folder, "model", "tokenizer.json"));
        Assert.Contains("tokenizer.json, which does not exist", Finding());
        File.Delete(Path.Combine(folder, "model", "model.safetensors"));
        File.Delete(Path.Combine(folder, "model", "config.json"));
        Assert.Equal(2, Inspect().Findings.Count);
    }

    [Fact]
    public void A_configuration_that_contradicts_weights_tokenizer_or_job_is_refused()
    {
        Put("model/tokenizer.json", Tokenizer.Replace("15", "16"));
        Assert.Contains("has ids up to 16, beyond the embedding's vocab_size 16", Finding());
        Put("model/tokenizer.json", Tokenizer);
        Put("model/config.json", (ModelConfig.FromInit(init, 16) with { MaxPositionEmbeddings = 64 }).ToJson());
        Assert.Contains("max_position_embeddings is 64, but data.max_prompt_tokens 32 + rollout.max_new_tokens 64 = 96", Finding());
        Put("model/config.json", ModelConfig.FromInit(init, 17).ToJson());
        Assert.Contains("has shape [16, 8]; config.json calls for [17, 8]", Finding());
        Put("model/config.json", "{");
        Assert.Contains("not valid JSON", Finding());
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData("  \n\r\n", "is empty")]
    [InlineData("[1]\n", "line 1 holds no JSON object")]
    [InlineData("\nprompt,answer\n", "line 2 is not valid JSON")]
    [InlineData("{\"prompts\": \"x\", \"answer\": \"y\"}", "data.train.prompt_field: is 'prompt', but line 1 of 'train.jsonl' has no such field; it has: prompts, answer. Did you mean 'prompts'?")]
    [InlineData("{\"prompt\": [1], \"answer\": \"y\"}", "data.train.prompt_field: is 'prompt', which is no text in line 1")]
    [InlineData("{\"prompt\": \"x\", \"answer\": null}", "data.train.answer_field: is 'answer', which is no text")]
    public void Data_whose_first_line_cannot_be_used_is_refused(string text, string expected)
    {
        Put("train.jsonl", text);
        Assert.Contains(expected, Finding());
    }

    [Fact]
    public void Data_files_that_are_absent_folders_or_binary_are_refused()
    {
        Assert.StartsWith("data.train.path: is 'absent.jsonl', but there is no such file; looked for " + folder, Finding(Train(new DataSourceSpec { Path = "absent.jsonl" })));
        Assert.Contains("a folder; give a JSONL or parquet file", Finding(Train(new DataSourceSpec { Path = "model" })));
        File.WriteAllBytes(Path.Combine(folder, "binary.jsonl"), [0xFF, 0xFE, 0]);
        Assert.Contains("not UTF-8", Finding(Train(new DataSourceSpec { Path = "binary.jsonl" })));
        Put("long.jsonl", new string('x', 1 << 21));
        Assert.Contains("first line is longer than", Finding(Train(new DataSourceSpec { Path = "long.jsonl" })));
    }

    [Fact]
    public void A_new_model_needs_a_tokenizer_and_room_for_it()
    {
        Assert.Empty(Inspect(New(init)).Findings);
        Assert.Contains("Did you mean 'arithmetic'?", Finding(New(init with { Tokenizer = "arithmatic" })));
        Assert.Contains("is 15, but the tokenizer", Finding(New(init with { Tokenizer = "model/tokenizer.json", VocabSize = 15 })));
        Assert.Equal(16, Inspect(New(init with { Tokenizer = "model" })).Model!.VocabSize);
        Put("model/tokenizer.json", """{"model":{"type":"Unigram","vocab":[]}}""");
        Assert.Contains("model.type is \"Unigram\"; supported is \"BPE\"", Finding(New(init with { Tokenizer = "model" })));
    }

    [Fact]
    public void Paths_become_absolute_for_another_process()
    {
        var job = JobInspector.WithAbsolutePaths(Jobs.SmallSpec with { Data = Jobs.SmallSpec.Data with { Test = new DataSourceSpec { Path = "a/b.jsonl" } }, Model = new ModelSpec { Init = init with { Tokenizer = "t.json" } } }, "/jobs");
        Assert.Equal("/jobs/a/b.jsonl", job.Data.Test!.Path);
        Assert.Equal("/jobs/t.json", job.Model.Init!.Tokenizer);
        Assert.Null(job.Data.Train.Path);
        Assert.Equal("arithmetic", JobInspector.WithAbsolutePaths(Jobs.SmallSpec, "/jobs").Model.Init!.Tokenizer);
        Assert.Null(job.WarmStart);
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_golden_tokenizers_have_sizes()
    {
        string tokenizers = Path.Combine(GoldenFolder.Require(), "decoder", "tokenizer");
        Assert.Equal(151_669, TokenizerFile.ReadSize(Path.Combine(tokenizers, "tokenizer.json")));
        Assert.InRange(TokenizerFile.ReadSize(Path.Combine(tokenizers, "tiny", "tokenizer.json")), 256, 100_000);
    }
}
