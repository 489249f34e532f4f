using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

[Trait("Category", GoldenFolder.Category)]
public sealed class TokenizerGoldenTests
{
    private static readonly Lazy<HuggingFaceTokenizer> Qwen = new(() => HuggingFaceTokenizer.Load(Folder()));

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_string_merges.json")]
    public void The_tiny_tokenizer_gives_the_reference_ids_and_texts(string file)
    {
        var tokenizer = HuggingFaceTokenizer.Load(Path.Combine(Folder(), "tiny", file));
        CheckEncodings(tokenizer, Path.Combine("tiny", "encodings.json"));
        CheckDecodings(tokenizer, Path.Combine("tiny", "decodings.json"));
        Assert.Equal(491, tokenizer.VocabularySize);
        Assert.Equal([tokenizer.IdOf("<|im_end|>")!.Value], tokenizer.EndOfTextIds);
        Assert.Equal(tokenizer.IdOf("<|endoftext|>"), tokenizer.PaddingId);
    }

    [Fact]
    public void The_Qwen_tokenizer_gives_the_reference_ids_and_texts()
    {
        CheckEncodings(Qwen.Value, "encodings.json");
        CheckDecodings(Qwen.Value, "decodings.json");
        Assert.Equal(151_669, Qwen.Value.VocabularySize);
        Assert.Equal(Qwen.Value.IdOf("<|im_end|>"), Assert.Single(Qwen.Value.EndOfTextIds));
    }

    [Fact]
    public void Chat_texts_give_the_reference_ids()
    {
        foreach (var chat in Cases("chat.json").Where(chat => chat.GetProperty("template").GetString() == "qwen3"))
        {
            Assert.Equal(Ids(chat), Qwen.Value.Encode(chat.GetProperty("text").GetString()!));
        }
    }

    private static void CheckEncodings(HuggingFaceTokenizer tokenizer, string file)
    {
        Assert.All(Cases(file), c =>
        {
            string text = c.GetProperty("text").GetString()!;
            int[] ids = tokenizer.Encode(text);
            Assert.Equal(Ids(c), ids);
            // A second time, when pieces are remembered.
            Assert.Equal(ids, tokenizer.Encode(text));
            CheckDecoded(tokenizer, c);
        });
    }

    private static void CheckDecodings(HuggingFaceTokenizer tokenizer, string file) => Assert.All(Cases(file), c => CheckDecoded(tokenizer, c));

    private static void CheckDecoded(HuggingFaceTokenizer tokenizer, JsonElement c)
    {
        Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(Ids(c)));
        Assert.Equal(c.GetProperty("decoded_skip_special").GetString(), tokenizer.Decode(Ids(c), skipSpecial: true));
    }

    private static List<JsonElement> Cases(string file)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder(), file)));
        var cases = document.RootElement.GetProperty("cases").EnumerateArray().Select(c => c.Clone()).ToList();
        Assert.NotEmpty(cases);
        return cases;
    }

    private static int[] Ids(JsonElement c) => [.. c.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())];

    private static string Folder() => Path.Combine(GoldenFolder.Require(), "decoder", "tokenizer");
}
