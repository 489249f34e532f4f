using Ctwa.TestKit;
using Ctwa.Training.Datasets;
using Ctwa.Training.Specification;
using Parquet;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class ParquetDatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-data-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<CompressionMethod, int> Variants => new()
    {
        { CompressionMethod.None, 1_000 }, { CompressionMethod.Snappy, 1_000 }, { CompressionMethod.Gzip, 1_000 }, { CompressionMethod.Zstd, 1_000 }, { CompressionMethod.Brotli, 1_000 },
        { CompressionMethod.Snappy, 7 }, { CompressionMethod.Zstd, 64 },
    };

    [Theory]
    [MemberData(nameof(Variants))]
    public void Every_compression_and_any_number_of_row_groups_gives_the_rows(CompressionMethod compression, int rowGroup)
    {
        string path = Put(ParquetVariants.Write(150, compression, rowGroup));
        var data = Open(new() { Path = path, AnswerField = "reward_model.ground_truth" });
        Assert.Equal(150, data.Count);
        for (int i = 0; i < 150; i++)
        {
            var (row, example) = (ParquetVariants.At(i), data.At(i));
            Assert.Equal((ParquetVariants.PromptOf(i), row.RewardModel!.GroundTruth), (example.Prompt, example.GroundTruth));
            Assert.Equal(row.Prompt!.Select(turn => new ChatMessage(turn.Role!, turn.Content!)), example.Messages);
        }

        Assert.Equal($"{path}: row 8", data.PlaceOf(7));
    }

    [Fact]
    public void Plain_texts_numbers_and_every_nested_column_are_read()
    {
        string path = Put(ParquetVariants.Write(60, CompressionMethod.Snappy, 16));
        Assert.Equal(Enumerable.Range(0, 60).Select(i => (ParquetVariants.At(i).Question!, $"{i * 1_000_000_007L}")), Pairs(new() { Path = path, PromptField = "question", AnswerField = "extra_info.index" }));
        Assert.Equal(Enumerable.Range(0, 60).Select(i => $"{i}"), Pairs(new() { Path = path, PromptField = "question", AnswerField = "id" }).Select(pair => pair.Answer));
        // Strings that repeat are dictionary-encoded.
        Assert.Equal(Enumerable.Range(0, 60).Select(i => ParquetVariants.At(i).Source), Pairs(new() { Path = path, PromptField = "question", AnswerField = "source" }).Select(pair => pair.Answer));
    }

    [Fact]
    public void Delta_encoded_integers_are_read()
    {
        string path = Put(ParquetVariants.Write(700, CompressionMethod.Snappy, change: options => { options.ColumnEncodingHints["extra_info/index"] = EncodingHint.DeltaBinaryPacked; options.ColumnEncodingHints["id"] = EncodingHint.DeltaBinaryPacked; }));
        Assert.Equal(Enumerable.Range(0, 700).Select(i => $"{i * 1_000_000_007L}"), Pairs(new() { Path = path, PromptField = "question", AnswerField = "extra_info.index" }).Select(pair => pair.Answer));
        Assert.Equal(Enumerable.Range(0, 700).Select(i => $"{i}"), Pairs(new() { Path = path, PromptField = "question", AnswerField = "id" }).Select(pair => pair.Answer));
    }

    [Fact]
    public void Supervised_rows_come_from_parquet_too()
    {
        string path = Put(ParquetVariants.Write(10, CompressionMethod.Zstd));
        var source = new DataSourceSpec { Path = path, AnswerField = "question" };
        var data = SupervisedDataset.Open(new() { Steps = 1, BatchSize = 10, Data = source }, source, 1, "supervised");
        Assert.Equal(10, data.Rows);
        var read = Enumerable.Range(0, 10).Select(i => data.At(0, i)).OrderBy(example => example.Response, StringComparer.Ordinal).ToList();
        Assert.Equal(Enumerable.Range(0, 10).Select(i => (ParquetVariants.PromptOf(i), ParquetVariants.At(i).Question)), read.Select(example => (example.Prompt, (string?)example.Response)));
        Assert.All(read, example => Assert.NotEmpty(example.Messages));
    }

    [Fact]
    public void Count_limits_the_rows_and_damage_behind_them_is_not_met()
    {
        byte[] bytes = ParquetVariants.Write(100, CompressionMethod.Snappy, 10);
        string path = Put(bytes);
        Assert.Equal(5, Open(new() { Path = path, AnswerField = "source", Count = 5 }).Count);
    }

    [Fact]
    public void A_file_is_never_in_memory_as_a_whole()
    {
        const int rows = 12_000;
        string path = Put(ParquetVariants.Write(Enumerable.Range(0, rows).Select(i => new ParquetVariants.Row { Id = i, Question = $"{i} " + new string((char)('a' + (i % 26)), 2_000), Source = "s" }), CompressionMethod.None, rowGroup: 500));
        Assert.InRange(new FileInfo(path).Length, 20_000_000, 40_000_000);
        long most = 0, start = GC.GetTotalMemory(forceFullCollection: true);
        foreach (var row in DataFile.Read(path, "question", "source", null))
        {
            if (row.Number % 400 == 0) { most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - start); }
        }

        // A page of 500 texts of 2 kB and its neighbours, against 24 MB.
        Assert.InRange(most, 0, 8_000_000);
    }

    [Theory]
    [InlineData("prompts", "source", "has no column 'prompts': the file has no column 'prompts'; it has 'id', 'question', 'prompt'")]
    [InlineData("prompt", "reward_model.truth", "'reward_model' has no field 'truth'; it has 'style', 'ground_truth'")]
    [InlineData("prompt", "prompt.content", "'prompt' is list<struct<role: string, content: string>>; a path can only lead through structs")]
    [InlineData("prompt", "reward_model", "row 1: field 'reward_model' is an object; it must be a string or a number.")]
    [InlineData("id", "source", "row 1: field 'id' is a number; it must be a string, or a list of turns with role and content.")]
    [InlineData("extra_info.tags", "source", "row 1: field 'extra_info.tags' is null")]
    [InlineData("prompt", "reward_model.style", "row 2: field 'reward_model.style' is null; it must be a string or a number.")]
    public void Columns_that_are_missing_or_of_another_type_are_named(string prompt, string answer, string expected)
    {
        string path = Put(ParquetVariants.Write(5, CompressionMethod.Snappy));
        string message = Assert.Throws<DatasetException>(() => Open(new() { Path = path, PromptField = prompt, AnswerField = answer })).Message;
        Assert.StartsWith(path, message, StringComparison.Ordinal);
        Assert.Contains(expected, message, StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_that_are_null_or_empty_are_named()
    {
        void Refused(Action<ParquetVariants.Row> change, string expected)
        {
            var rows = Enumerable.Range(0, 20).Select(ParquetVariants.At).ToList();
            change(rows[12]);
            string path = Put(ParquetVariants.Write(rows, rowGroup: 5));
            string message = Assert.Throws<DatasetException>(() => Open(new() { Path = path, AnswerField = "reward_model.ground_truth" })).Message;
            Assert.Equal($"{path}: row 13: field {expected}", message);
        }

        Refused(row => row.Prompt = null, "'prompt' is null; it must be a string, or a list of turns with role and content.");
        Refused(row => row.Prompt = [], "'prompt' is a conversation of 0 turns; it must have 1 to 10000.");
        Refused(row => row.Prompt![^1].Content = "", "'prompt' ends with an empty turn of the user; a prompt needs at least one character.");
        Refused(row => row.Prompt![0].Content = null, "'prompt' has null as 'content' of turn 1; it must be a string.");
        Refused(row => row.Prompt = [new() { Role = "system", Content = "x" }], "'prompt' is a conversation without a turn of role 'user'; it needs one.");
        Refused(row => row.RewardModel = null, "'reward_model.ground_truth' is null; it must be a string or a number.");
        Refused(row => row.RewardModel!.GroundTruth = null, "'reward_model.ground_truth' is null; it must be a string or a number.");
    }

    [Fact]
    public void What_only_looks_like_parquet_is_refused()
    {
        string Refused(byte[] bytes, string name)
        {
            string path = Path.Combine(_folder, name);
            File.WriteAllBytes(path, bytes);
            return Assert.Throws<DatasetException>(() => Open(new() { Path = path })).Message;
        }

        byte[] good = ParquetVariants.Write(5, CompressionMethod.Snappy);
        Assert.Contains("no parquet file: it does not begin with PAR1", Refused("version https://git-lfs"u8.ToArray(), "a.parquet"), StringComparison.Ordinal);
        Assert.Contains("does not end with PAR1: it is cut short", Refused(good[..^9], "b.parquet"), StringComparison.Ordinal);
        Assert.Contains("compressed (gzip); unpack it", Refused([0x1F, 0x8B, 8, 0, 0], "c.jsonl"), StringComparison.Ordinal);
        Assert.Contains("the footer is said to have 4294967295 bytes", Refused([.. good[..^8], 255, 255, 255, 255, .. "PAR1"u8], "d"), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Category", GoldenFolder.Category)]
    public void The_MATH_500_files_hold_the_same_prompts_in_both_formats()
    {
        string folder = Path.GetFullPath(Path.Combine(GoldenFolder.Require(), "..", "data", "math500"));
        foreach (var (parquet, jsonl, count) in new[] { ("train", "train", 300), ("val", "val", 100), ("test", "test", 100) })
        {
            var nested = Open(new() { Path = Path.Combine(folder, parquet + ".parquet"), AnswerField = "reward_model.ground_truth" });
            var flat = Open(new() { Path = Path.Combine(folder, $"math500_{jsonl}.jsonl") });
            Assert.Equal((count, count), (nested.Count, flat.Count));
            for (int i = 0; i < count; i++)
            {
                Assert.Equal((flat.At(i).Prompt, flat.At(i).GroundTruth), (nested.At(i).Prompt, nested.At(i).GroundTruth));
                Assert.Equal([new ChatMessage("user", flat.At(i).Prompt)], nested.At(i).Messages);
            }
        }
    }

    private static PromptDataset Open(DataSourceSpec source) => PromptDataset.Open(source, DatasetSplit.Train, 1, "data.train");

    private static IEnumerable<(string Prompt, string Answer)> Pairs(DataSourceSpec source)
    {
        var data = Open(source);
        return Enumerable.Range(0, (int)data.Count).Select(i => (data.At(i).Prompt, data.At(i).GroundTruth));
    }

    private string Put(byte[] bytes)
    {
        string path = Path.Combine(_folder, Guid.NewGuid().ToString("N") + ".parquet");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
