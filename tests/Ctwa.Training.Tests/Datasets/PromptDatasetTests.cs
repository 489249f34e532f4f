using System.Text;
using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class PromptDatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_task_gives_the_count_asked_for_and_its_answers()
    {
        var data = PromptDataset.Open(new() { Task = BuiltInTask.Arithmetic, Count = 300 }, DatasetSplit.Train, seed: 1, "data.train");
        Assert.Equal(300, data.Count);
        for (long i = 0; i < data.Count; i++)
        {
            var example = data.At(i);
            Assert.Equal(ArithmeticOracle.Values(example.Prompt)[^1].ToString(System.Globalization.CultureInfo.InvariantCulture), example.GroundTruth);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => data.At(300));
        Assert.Throws<ArgumentOutOfRangeException>(() => data.At(-1));
    }

    [Fact]
    public void Without_a_count_a_task_gives_its_default_or_all_it_has()
    {
        static long Count(DatasetSplit split, int min, int max) =>
            PromptDataset.Open(new() { Task = BuiltInTask.Arithmetic, MinTerms = min, MaxTerms = max }, split, 1, "data.train").Count;
        Assert.Equal(PromptDataset.DefaultTrainCount, Count(DatasetSplit.Train, 4, 5));
        Assert.Equal(PromptDataset.DefaultHeldOutCount, Count(DatasetSplit.Validation, 4, 5));
        Assert.InRange(Count(DatasetSplit.Train, 3, 3), 200, 304);
    }

    [Fact]
    public void More_problems_than_there_are_is_an_error_that_says_how_many_there_are()
    {
        var error = Assert.Throws<DatasetException>(() => PromptDataset.Open(new() { Task = BuiltInTask.Arithmetic, Count = 10_000 }, DatasetSplit.Train, 1, "data.train"));
        Assert.Matches("^data\\.train\\.count is 10000, but task arithmetic has 9[0-9]{3} different problems of 4 to 5 terms in its Train part", error.Message);
    }

    [Fact]
    public void Exactly_one_of_task_and_path_must_be_named()
    {
        Assert.Contains("neither", Refused(new()), StringComparison.Ordinal);
        Assert.Contains("both", Refused(new() { Task = BuiltInTask.Arithmetic, Path = "x" }), StringComparison.Ordinal);
        Assert.Contains("data.train.count is 0", Refused(new() { Task = BuiltInTask.Arithmetic, Count = 0 }), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_of_a_file_keep_their_order_and_text()
    {
        string path = Write("{\"problem\": \"Was ist 1+1?\\n\", \"answer\": \"\\\\frac{4}{2}\", \"more\": [1]}\n\n{\"answer\": 0.50, \"problem\": \"日本 𝑓\"}\r\n");
        var data = PromptDataset.Open(new() { Path = path, PromptField = "problem" }, DatasetSplit.Train, 1, "data.train");
        Assert.Equal(2, data.Count);
        Assert.Equal(new PromptExample("Was ist 1+1?\n", "\\frac{4}{2}"), data.At(0));
        Assert.Equal(new PromptExample("日本 𝑓", "0.50"), data.At(1));
    }

    [Fact]
    public void Count_limits_the_rows_and_what_follows_is_not_read()
    {
        string path = Write("{\"prompt\":\"a\",\"answer\":\"1\"}\n{\"prompt\":\"b\",\"answer\":\"2\"}\nbroken\n");
        Assert.Equal(2, PromptDataset.Open(new() { Path = path, Count = 2 }, DatasetSplit.Train, 1, "data.train").Count);
        Assert.Contains(path + ":3:1: not valid JSON", Refused(new() { Path = path, Count = 3 }), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "holds no rows")]
    [InlineData("\n \n", "holds no rows")]
    [InlineData("\n{\"prompt\":\"a\",\"answer\":", ":2:24: not valid JSON (")]
    [InlineData("{\"prompt\":\"a\",\"prompt\":\"b\",\"answer\":\"\"}", ":1:")]
    [InlineData("[1]", ":1:1: is an array; each line must be one JSON object")]
    [InlineData("{\"prompt\":\"a\",\"solution\":\"b\"}", ":1:1: has no field 'answer'; it has 'prompt', 'solution'.")]
    [InlineData("{}", ":1:1: has no field 'prompt'; it has none.")]
    [InlineData("{\"prompt\":5,\"answer\":\"b\"}", ":1:11: field 'prompt' is a number; it must be a string, or a list of turns with role and content.")]
    [InlineData("{\"prompt\":\"a\",\"answer\":null}", ":1:24: field 'answer' is null; it must be a string or a number.")]
    [InlineData("{\"prompt\":\"\",\"answer\":\"b\"}", ":1:11: field 'prompt' is empty")]
    [InlineData("{\"prompt\":\"\\uD800\",\"answer\":\"b\"}", ":1:11: field 'prompt' holds half of a surrogate pair")]
    public void A_faulty_file_is_refused_with_file_and_line(string content, string expected)
    {
        string path = Write(content);
        string message = Refused(new() { Path = path });
        Assert.Contains(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_missing_a_folder_or_not_text_is_refused()
    {
        Assert.Contains("does not exist", Refused(new() { Path = Path.Combine(_folder, "absent.jsonl") }), StringComparison.Ordinal);
        Assert.Contains("is a folder", Refused(new() { Path = _folder }), StringComparison.Ordinal);
        string path = Path.Combine(_folder, "latin1.jsonl");
        File.WriteAllBytes(path, Encoding.Latin1.GetBytes("{\"prompt\":\"ä\",\"answer\":\"1\"}\n"));
        Assert.Contains("not UTF-8", Refused(new() { Path = path }), StringComparison.Ordinal);
    }

    private static string Refused(DataSourceSpec source) =>
        Assert.Throws<DatasetException>(() => PromptDataset.Open(source, DatasetSplit.Train, 1, "data.train")).Message;

    private string Write(string content)
    {
        string path = Path.Combine(_folder, "rows.jsonl");
        File.WriteAllText(path, content);
        return path;
    }
}
