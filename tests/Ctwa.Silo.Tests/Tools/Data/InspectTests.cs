using System.Text.Json;
using Ctwa.Silo.Tools;
using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Data;

public sealed class InspectTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Put(params string[] lines)
    {
        string path = Path.Combine(_folder, "rows.jsonl");
        File.WriteAllLines(path, lines);
        return path;
    }

    [Fact]
    public async Task Lengths_duplicates_empty_answers_and_overlong_prompts_are_counted()
    {
        ArithmeticTokenizer.WriteTo(Path.Combine(_folder, "tokenizer"));
        string path = Put([.. Enumerable.Range(1, 20).Select(i => JsonSerializer.Serialize(new { prompt = new string('1', i), answer = i % 5 == 0 ? "" : "12", x = i % 2 == 0 ? (int?)i : null })), """{"prompt": "1", "answer": 3.5}"""]);
        var run = await ToolRun.OfAsync("data", "inspect", path, "--tokenizer", Path.Combine(_folder, "tokenizer"), "--max-prompt-tokens", "15", "--json", "--rows", "2");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        using var json = JsonDocument.Parse(run.Output);
        var root = json.RootElement;
        long Number(string key) => root.GetProperty(key).GetInt64();
        Assert.Equal((21, 1, 4, 5, 0), (Number("rows"), Number("duplicate_prompts"), Number("empty_answers"), Number("overlong_prompts"), Number("unusable_rows")));
        Assert.Equal("""[{"name":"prompt","type":"string","nulls":0},{"name":"answer","type":"string or number","nulls":0},{"name":"x","type":"integer","nulls":11}]""", JsonSerializer.Serialize(root.GetProperty("columns")));
        // 1, 1, 2 .. 20: mean 211/21, the 11th of 21 is 10, the 20th is 19.
        var lengths = root.GetProperty("prompt_characters");
        Assert.Equal((1, 10, 19, 20), (lengths.GetProperty("min").GetInt32(), lengths.GetProperty("p50").GetInt32(), lengths.GetProperty("p95").GetInt32(), lengths.GetProperty("max").GetInt32()));
        Assert.Equal(211.0 / 21, lengths.GetProperty("mean").GetDouble(), 1e-12);
        Assert.Equal(JsonSerializer.Serialize(lengths), JsonSerializer.Serialize(root.GetProperty("prompt_tokens")));
        Assert.Equal(2, root.GetProperty("shown").GetArrayLength());
    }

    [Fact]
    public async Task Rows_that_a_job_would_refuse_are_listed_and_the_exit_code_says_so()
    {
        var run = await ToolRun.OfAsync("data", "inspect", Put("""{"prompt": "a", "answer": "1"}""", "", """{"prompt": "", "answer": "1"}""", """{"prompt": "a"}"""));
        Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
        Assert.Contains("2 rows cannot be used by a job:", run.Output, StringComparison.Ordinal);
        Assert.Contains("rows.jsonl:3: field 'prompt' is empty", run.Output, StringComparison.Ordinal);
        Assert.Contains("rows.jsonl:4: field 'answer' is null", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_raw_file_shows_its_columns_and_asks_for_the_field()
    {
        string path = Put("""{"problem": "What is 𝑓(x) + 日本 and so on, at a length that no terminal line of a hundred characters can hold at all?", "meta": {"level": 3, "tags": ["a"]}}""");
        var run = await ToolRun.OfAsync("data", "inspect", path);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("meta     struct<level: integer, tags: list<string>>", run.Output, StringComparison.Ordinal);
        Assert.Contains("no column 'prompt': give --prompt-field", run.Output, StringComparison.Ordinal);
        Assert.All(run.Output.Split('\n').Skip(1), line => Assert.InRange(line.EnumerateRunes().Count(), 0, 100));
        var nested = await ToolRun.OfAsync("data", "inspect", path, "--prompt-field", "problem", "--answer-field", "meta.level");
        Assert.Contains("meta.level, characters", nested.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Wrong_arguments_and_damaged_files_are_bad_input()
    {
        async Task Refused(string expected, params string[] arguments)
        {
            var run = await ToolRun.OfAsync(["data", "inspect", .. arguments]);
            Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
            Assert.Contains(expected, run.Error, StringComparison.Ordinal);
            Assert.Empty(run.Output);
        }

        string path = Put("""{"prompt": "a"}""");
        await Refused("does not exist", Path.Combine(_folder, "absent.jsonl"));
        await Refused("has no column 'question'; it has 'prompt'. Correct --prompt-field.", path, "--prompt-field", "question");
        await Refused("give --tokenizer too", path, "--max-prompt-tokens", "5");
        await Refused("--rows is -1", path, "--rows", "-1");
        await Refused("--tokenizer is", path, "--tokenizer", Path.Combine(_folder, "nowhere"));
        await Refused("rows.jsonl:2:1: not valid JSON", Put("{}", "x"));
        await Refused("holds no rows", Put(""));
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public async Task The_MATH_500_parquet_shows_nested_columns()
    {
        string path = Path.GetFullPath(Path.Combine(GoldenFolder.Require(), "..", "data", "math500", "train.parquet"));
        var run = await ToolRun.OfAsync("data", "inspect", path, "--answer-field", "reward_model.ground_truth", "--rows", "1");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("prompt        list<struct<content: string, role: string>>", run.Output, StringComparison.Ordinal);
        Assert.Contains("300 prompts are conversations", run.Output, StringComparison.Ordinal);
        Assert.Contains("0 rows repeat a prompt; 0 answers are empty.", run.Output, StringComparison.Ordinal);
    }
}
