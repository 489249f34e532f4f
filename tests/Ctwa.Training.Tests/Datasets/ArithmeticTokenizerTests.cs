using System.Text.Json;
using Ctwa.Training.Datasets;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

public sealed class ArithmeticTokenizerTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ctwa-tokenizer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_file_holds_80_ids_each_once_and_says_what_each_stands_for()
    {
        using var file = Written("tokenizer.json");
        var pieces = new SortedDictionary<int, string>();
        var byteOf = ByteAlphabet();
        var model = file.RootElement.GetProperty("model");
        Assert.Equal("BPE", model.GetProperty("type").GetString());
        Assert.Empty(model.GetProperty("merges").EnumerateArray());
        foreach (var entry in model.GetProperty("vocab").EnumerateObject())
        {
            pieces.Add(entry.Value.GetInt32(), ((char)byteOf[Assert.Single(entry.Name)]).ToString());
        }

        foreach (var token in file.RootElement.GetProperty("added_tokens").EnumerateArray())
        {
            string content = token.GetProperty("content").GetString()!;
            pieces.Add(token.GetProperty("id").GetInt32(), content);
            Assert.Equal(content is "<|pad|>" or "<|endoftext|>", token.GetProperty("special").GetBoolean());
            Assert.False(token.GetProperty("normalized").GetBoolean() || token.GetProperty("lstrip").GetBoolean() || token.GetProperty("rstrip").GetBoolean());
        }

        Assert.Equal(Enumerable.Range(0, ArithmeticTokenizer.VocabularySize), pieces.Keys);
        Assert.Equal(ArithmeticTokenizer.Pieces, pieces.Values);
        Assert.Equal(80, ArithmeticTokenizer.Pieces.Distinct().Count());
    }

    [Fact]
    public void The_configuration_names_padding_and_end_of_text_by_the_same_ids()
    {
        using var file = Written("tokenizer_config.json");
        Assert.Equal("<|endoftext|>", file.RootElement.GetProperty("eos_token").GetString());
        Assert.Equal("<|pad|>", file.RootElement.GetProperty("pad_token").GetString());
        var decoder = file.RootElement.GetProperty("added_tokens_decoder");
        Assert.Equal("<|pad|>", decoder.GetProperty("78").GetProperty("content").GetString());
        Assert.True(decoder.GetProperty("79").GetProperty("special").GetBoolean());
        Assert.False(decoder.GetProperty("61").GetProperty("special").GetBoolean());
    }

    [Fact]
    public void Writing_again_gives_the_same_bytes()
    {
        ArithmeticTokenizer.WriteTo(_folder);
        byte[] first = File.ReadAllBytes(Path.Combine(_folder, "tokenizer.json"));
        ArithmeticTokenizer.WriteTo(_folder);
        Assert.Equal(first, File.ReadAllBytes(Path.Combine(_folder, "tokenizer.json")));
    }

    [Fact]
    public void Every_prompt_and_solution_is_made_of_its_tokens_and_every_plain_token_occurs_where_the_task_uses_it()
    {
        var used = new HashSet<int>();
        var warmStart = new ArithmeticWarmStart(new ArithmeticTask(seed: 4), ArithmeticStyleMix.Default);
        for (int index = 0; index < 5_000; index++)
        {
            foreach (int curriculum in new[] { 0, 1 })
            {
                var solution = warmStart.At(0, index, curriculum, 0.2);
                string text = solution.Problem.Prompt + solution.Response;
                var ids = PieceMatcher.Tokenize(text);
                used.UnionWith(ids);
                Assert.Equal(text, string.Concat(ids.Select(id => ArithmeticTokenizer.Pieces[id])));
            }
        }

        Assert.Superset(Enumerable.Range(61, 17).ToHashSet(), used);
        Assert.DoesNotContain(78, used);
        Assert.DoesNotContain(79, used);
    }

    private JsonDocument Written(string name)
    {
        string folder = Path.Combine(_folder, "made", "on", "the", "way");
        ArithmeticTokenizer.WriteTo(folder);
        return JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, name)));
    }

    /// <summary>GPT-2's byte alphabet: printable Latin-1 stands for itself, the other bytes are U+0100 onwards in order.</summary>
    private static Dictionary<char, int> ByteAlphabet()
    {
        var alphabet = new Dictionary<char, int>();
        int other = 0;
        for (int b = 0; b < 256; b++)
        {
            bool printable = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            alphabet.Add(printable ? (char)b : (char)(0x100 + other++), b);
        }

        return alphabet;
    }
}
