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

    [Theory]
    [InlineData("{\"prompt\": [{\"role\": \"user\", \"content\": \"x\"}], \"extra\": {\"answer\": 4}}", "extra.answer", null)]
    [InlineData("{\"prompt\": \"x\", \"extra.answer\": \"4\"}", "extra.answer", null)]
    [InlineData("{\"prompt\": \"x\", \"extra\": {\"anser\": 4}}", "extra.answer", "data.train.answer_field: is 'extra.answer', but line 1 of 'train.jsonl' has no such field; 'extra' has: anser. Did you mean 'extra.anser'?")]
    [InlineData("{\"prompt\": \"x\", \"extra\": 4}", "extra.answer", "has no such field; 'extra' has: none.")]
    public void Fields_may_lead_into_objects(string text, string answer, string? expected)
    {
        Put("train.jsonl", text);
        var job = Train(new DataSourceSpec { Path = "train.jsonl", AnswerField = answer });
        if (expected is null) { Assert.Empty(Inspect(job).Findings); }
        else { Assert.Contains(expected, Finding(job)); }
    }

    [Theory]
    [InlineData("alltypes_plain", "string_col", "double_col", null)]
    [InlineData("alltypes_plain", "sting_col", "double_col", "data.train.prompt_field: is 'sting_col', but in 'x.parquet' the file has no column 'sting_col'; it has 'id', 'bool_col'")]
    [InlineData("alltypes_plain", "string_col", "timestamp_col", "data.train.answer_field: is 'timestamp_col', which is int96 in 'x.parquet'; expected is a string or a number.")]
    [InlineData("list_columns", "utf8_list", "int64_list.list", "data.train.prompt_field: is 'utf8_list', which is list<string>")]
    [InlineData("PARQUET-1481", "a", "b", "data.train.path: is 'x.parquet', which cannot be read: column 'Handle' has the unknown physical type -7.")]
    public void Columns_of_parquet_are_checked_in_its_footer(string sample, string prompt, string answer, string? expected)
    {
        File.Copy(Path.Combine(GoldenFolder.RepositoryRoot, "tests", "Ctwa.Training.Tests", "Datasets", "ParquetSamples", sample + ".parquet"), Path.Combine(folder, "x.parquet"));
        var findings = Inspect(Train(new DataSourceSpec { Path = "x.parquet", PromptField = prompt, AnswerField = answer })).Findings.Select(finding => $"{finding.Path}: {finding.Message}").ToList();
        if (expected is null) { Assert.Empty(findings); }
        else { Assert.Contains(findings, finding => finding.Contains(expected)); }
    }

    [Fact]
    public void Text_that_calls_itself_parquet_is_refused()
    {
        Put("x.parquet", "{}");
        Assert.Contains("which is no parquet file", Finding(Train(new DataSourceSpec { Path = "x.parquet" })));
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_nested_columns_of_the_MATH_500_parquet_are_found()
    {
        string path = Path.Combine(GoldenFolder.Require(), "..", "data", "math500", "train.parquet");
        Assert.Empty(Inspect(Train(new DataSourceSpec { Path = path, AnswerField = "reward_model.ground_truth" })).Findings);
        Assert.Contains("'reward_model' has no field 'truth'; it has 'ground_truth', 'style'", Finding(Train(new DataSourceSpec { Path = path, AnswerField = "reward_model.truth" })));
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
