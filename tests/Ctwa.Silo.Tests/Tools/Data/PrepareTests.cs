using System.Text.Json;
using Ctwa.Silo.Tools;
using Ctwa.Silo.Tools.Data;
using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Parquet.Serialization;
using Xunit;

namespace Ctwa.Silo.Tests.Tools.Data;

public sealed class PrepareTests : IDisposable
{
    private sealed class Problem
    {
        public string? problem { get; set; }

        public string? solution { get; set; }

        public string? answer { get; set; }

        public long level { get; set; }
    }

    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-prepare-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string In(params string[] names) => Path.Combine([_folder, .. names]);

    private string Put(string name, IEnumerable<string> lines)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(name))!);
        File.WriteAllLines(In(name), lines);
        return In(name);
    }

    private static IEnumerable<string> Math(int count) => Enumerable.Range(0, count).Select(i => JsonSerializer.Serialize(new { problem = $"What is ${i}+1$? ", solution = "...", answer = $"{i + 1}", subject = "Algebra", level = 1, unique_id = $"test/{i}.json" }));

    private static List<(string Prompt, string Answer)> Rows(string path)
    {
        var data = PromptDataset.Open(new DataSourceSpec { Path = path }, DatasetSplit.Train, 1, "data.train");
        return [.. Enumerable.Range(0, (int)data.Count).Select(i => (data.At(i).Prompt, data.At(i).GroundTruth))];
    }

    [Theory]
    [InlineData("jsonl")]
    [InlineData("parquet")]
    public async Task MATH_500_is_split_by_the_seed_and_ends_with_the_instruction(string format)
    {
        Put("download/test.jsonl", Math(500));
        var run = await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("download"), "--out", In("out"), "--format", format);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        var parts = new[] { "train", "validation", "test" }.Select(part => Rows(In("out", $"{part}.{format}"))).ToList();
        Assert.Equal([300, 100, 100], parts.Select(part => part.Count));
        var all = parts.SelectMany(part => part).ToList();
        Assert.Equal(Enumerable.Range(0, 500).Select(i => $"What is ${i}+1$? Let's think step by step and output the final answer within \\boxed{{}}.").Order(StringComparer.Ordinal), all.Select(row => row.Prompt).Order(StringComparer.Ordinal));
        Assert.All(all, row => Assert.StartsWith($"What is ${int.Parse(row.Answer, System.Globalization.CultureInfo.InvariantCulture) - 1}+1$?", row.Prompt, StringComparison.Ordinal));

        await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("download", "test.jsonl"), "--out", In("again"), "--format", "jsonl");
        await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("download"), "--out", In("other"), "--seed", "2");
        Assert.Equal(parts[0], Rows(In("again", "train.jsonl")));
        Assert.NotEqual(parts[0], Rows(In("other", "train.jsonl")));

        using var manifest = JsonDocument.Parse(File.ReadAllBytes(In("out", "manifest.json")));
        var root = manifest.RootElement;
        Assert.Equal(("math500", 1, "seeded 60/20/20"), (root.GetProperty("dataset").GetString(), root.GetProperty("seed").GetInt32(), root.GetProperty("split").GetString()));
        Assert.Equal(Sha256(In("download", "test.jsonl")), root.GetProperty("sources")[0].GetProperty("sha256").GetString());
        Assert.All(root.GetProperty("files").EnumerateArray(), file => Assert.Equal(Sha256(In("out", file.GetProperty("file").GetString()!)), file.GetProperty("sha256").GetString()));
        Assert.Contains("train 300, validation 100, test 100", File.ReadAllText(In("out", "README.md")), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(In("out"), "*.tmp"));
    }

    [Fact]
    public async Task Parquet_as_Hugging_Face_converts_it_gives_the_same_files()
    {
        Directory.CreateDirectory(In("hf", "default", "test"));
        await ParquetSerializer.SerializeAsync(Enumerable.Range(0, 40).Select(i => new Problem { problem = $"What is ${i}+1$? ", answer = $"{i + 1}", level = 2 }), In("hf", "default", "test", "0000.parquet"), cancellationToken: TestContext.Current.CancellationToken);
        Put("download/test.jsonl", Math(40));
        var run = await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("hf"), "--out", In("a"));
        await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("download"), "--out", In("b"));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("note: the public MATH-500 has 500 problems, these files have 40", run.Error, StringComparison.Ordinal);
        Assert.Equal(Rows(In("a", "test.jsonl")), Rows(In("b", "test.jsonl")));
        Assert.Equal([24, 8, 8], new[] { "train", "validation", "test" }.Select(part => Rows(In("a", part + ".jsonl")).Count));
    }

    [Fact]
    public async Task Nothing_is_overwritten_without_force()
    {
        string source = Put("test.jsonl", Math(20));
        Assert.Equal(0, (await ToolRun.OfAsync("data", "prepare", "math500", "--from", source, "--out", In("out"), "--instruction", "")).ExitCode);
        byte[] before = File.ReadAllBytes(In("out", "train.jsonl"));
        var refused = await ToolRun.OfAsync("data", "prepare", "math500", "--from", source, "--out", In("out"), "--format", "parquet");
        Assert.Equal(ToolExitCodes.BadInput, refused.ExitCode);
        Assert.Contains("already holds train.jsonl, validation.jsonl, test.jsonl, manifest.json, README.md; give --force", refused.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(In("out", "train.jsonl")));
        Assert.Equal(0, (await ToolRun.OfAsync("data", "prepare", "math500", "--from", source, "--out", In("out"), "--format", "parquet", "--force")).ExitCode);
        Assert.False(File.Exists(In("out", "train.jsonl")));
        Assert.Equal(12, Rows(In("out", "train.parquet")).Count);
    }

    [Fact]
    public async Task Wrong_sources_are_refused_with_what_to_do()
    {
        async Task Refused(string expected, params string[] arguments)
        {
            var run = await ToolRun.OfAsync(["data", "prepare", .. arguments, "--out", In("out")]);
            Assert.Equal(ToolExitCodes.BadInput, run.ExitCode);
            Assert.Contains(expected, run.Error, StringComparison.Ordinal);
            Assert.False(File.Exists(In("out", "manifest.json")));
        }

        await Refused("no such file or folder", "math500", "--from", In("absent"));
        Directory.CreateDirectory(In("empty"));
        await Refused("holds no file of the test part (test.jsonl, test-00000-of-00001.parquet or test/*.parquet)", "math500", "--from", In("empty"));
        Put("two/test.jsonl", Math(10));
        Put("two/x/test.jsonl", Math(10));
        await Refused("holds several files of the test part: test.jsonl, x/test.jsonl", "math500", "--from", In("two"));
        await Refused("has no field 'problem'; it has 'question'", "math500", "--from", Put("q.jsonl", ["""{"question": "x", "answer": "y"}"""]));
        await Refused("row 2: the answer is empty", "math500", "--from", Put("e.jsonl", Math(1).Append("""{"problem": "x", "answer": ""}""")));
        await Refused("3 problems cannot be split", "math500", "--from", Put("few.jsonl", Math(3)));
        await Refused("problems of the reference's split are not in these files", "math500", "--from", Put("all.jsonl", Math(500)), "--split", "reference");
        await Refused("GSM8K has two parts", "gsm8k", "--from", In("q.jsonl"));
    }

    [Fact]
    public async Task An_output_that_cannot_be_written_is_a_failure_of_storage()
    {
        string source = Put("test.jsonl", Math(20));
        var run = await ToolRun.OfAsync("data", "prepare", "math500", "--from", source, "--out", "/proc/ctwa-data");
        Assert.Equal(ToolExitCodes.StorageFailed, run.ExitCode);
        Assert.Contains("'/proc/ctwa-data' cannot be written", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task GSM8K_answers_are_the_numbers_after_the_mark_and_validation_is_a_part_of_train()
    {
        static string Row(int i, string answer) => JsonSerializer.Serialize(new { question = $"Natalia has {i}?", answer = $"She has\n<<1+1=2>>2.\n#### {answer}" });
        Put("gsm/main/train-00000-of-00002.jsonl", Enumerable.Range(0, 30).Select(i => Row(i, $"{i}")));
        Put("gsm/main/train-00001-of-00002.jsonl", [Row(30, "1,234"), Row(31, "-5"), Row(0, "0"), Row(101, "7")]);
        Put("gsm/main/test.jsonl", Enumerable.Range(100, 8).Select(i => Row(i, $"{i},000")));
        var run = await ToolRun.OfAsync("data", "prepare", "gsm8k", "--from", In("gsm"), "--out", In("out"), "--validation", "10");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("note: 1 problems that occur more than once are left out.", run.Error, StringComparison.Ordinal);
        Assert.Contains("note: 1 training problems that are test problems too are left out.", run.Error, StringComparison.Ordinal);
        var (train, validation, test) = (Rows(In("out", "train.jsonl")), Rows(In("out", "validation.jsonl")), Rows(In("out", "test.jsonl")));
        Assert.Equal((22, 10, 8), (train.Count, validation.Count, test.Count));
        Assert.Contains("1234", train.Concat(validation).Select(row => row.Answer));
        Assert.Equal("Natalia has 100? Let's think step by step and output the final answer after \"####\".", test[0].Prompt);
        Assert.Equal("100000", test[0].Answer);
        Assert.Empty(train.Concat(validation).Select(row => row.Prompt).Intersect(test.Select(row => row.Prompt)));

        Put("gsm/main/test.jsonl", [JsonSerializer.Serialize(new { question = "?", answer = "no mark" })]);
        var broken = await ToolRun.OfAsync("data", "prepare", "gsm8k", "--from", In("gsm"), "--out", In("out2"));
        Assert.Equal(ToolExitCodes.BadInput, broken.ExitCode);
        Assert.Contains("test.jsonl: row 1: the answer has no number after ####", broken.Error, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public async Task The_reference_s_own_split_comes_out_of_the_shuffled_public_problems()
    {
        string golden = Path.GetFullPath(Path.Combine(GoldenFolder.Require(), "..", "data", "math500"));
        var expected = new[] { ("train", "train"), ("validation", "val"), ("test", "test") }.ToDictionary(pair => pair.Item1, pair => Rows(Path.Combine(golden, $"math500_{pair.Item2}.jsonl")));
        string Problem(string prompt) => prompt[..^(Math500Source.Instruction.Length + 1)];
        Put("test.jsonl", expected.Values.SelectMany(rows => rows).OrderBy(row => row.Prompt, StringComparer.Ordinal).Select(row => JsonSerializer.Serialize(new { problem = Problem(row.Prompt), answer = row.Answer })));
        var run = await ToolRun.OfAsync("data", "prepare", "math500", "--from", In("test.jsonl"), "--out", In("out"), "--split", "reference");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.All(expected, part => Assert.Equal(part.Value, Rows(In("out", part.Key + ".jsonl"))));
    }

    private static string Sha256(string path) => Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(File.ReadAllBytes(path)));
}
