using System.Text.Json;
using Ctwa.TestKit;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

[Trait("Category", GoldenFolder.Category)]
public sealed class TokenizerGoldenTests
{
    [Fact]
    public void Every_golden_tokenizer_gives_the_reference_ids_and_texts()
    {
        int encodings = 0, decodings = 0;
        foreach (var (file, encoded, decoded) in TokenizerGoldenFiles.Tokenizers())
        {
            var tokenizer = HuggingFaceTokenizer.Load(file);
            foreach (var c in encoded.SelectMany(TokenizerGoldenFiles.Cases))
            {
                string text = c.GetProperty("text").GetString()!;
                int[] ids = tokenizer.Encode(text);
                Assert.Equal(TokenizerGoldenFiles.Ids(c), ids);
                // A second time, when pieces are remembered.
                Assert.Equal(ids, tokenizer.Encode(text));
                CheckDecoded(tokenizer, c);
                encodings++;
            }

            foreach (var c in decoded.SelectMany(TokenizerGoldenFiles.Cases))
            {
                CheckDecoded(tokenizer, c);
                decodings++;
            }
        }

        Assert.True(encodings >= 720 && decodings > 0, $"only {encodings} encodings and {decodings} decodings were found.");
    }

    [Fact]
    public void The_golden_tokenizers_name_their_end_and_padding_tokens()
    {
        foreach (var (file, _, _) in TokenizerGoldenFiles.Tokenizers())
        {
            var tokenizer = HuggingFaceTokenizer.Load(file);
            Assert.Equal([tokenizer.IdOf("<|im_end|>")!.Value], tokenizer.EndOfTextIds);
            Assert.Equal(tokenizer.IdOf("<|endoftext|>"), tokenizer.PaddingId);
        }
    }

    [Fact]
    public void A_Qwen2_5_tokenizer_reads_the_four_tokens_of_Qwen3_as_text_and_all_else_alike()
    {
        var (file, encoded, _) = TokenizerGoldenFiles.Tokenizers().First(t => HuggingFaceTokenizer.Load(t.Tokenizer).VocabularySize == 151_669);
        var qwen25 = TokenizerGoldenFiles.Qwen25From(file);

        Assert.Equal(151_665, qwen25.VocabularySize);
        int alike = 0, different = 0;
        foreach (var c in encoded.SelectMany(TokenizerGoldenFiles.Cases))
        {
            string text = c.GetProperty("text").GetString()!;
            bool mentions = TokenizerGoldenFiles.Ids(c).Any(id => id >= 151_665);
            Assert.Equal(!mentions, TokenizerGoldenFiles.Ids(c).SequenceEqual(qwen25.Encode(text)));
            if (mentions) { different++; } else { alike++; }
        }

        Assert.True(alike > 600 && different > 0, $"{alike} alike, {different} different");
        Assert.Equal(["<th", "ink", ">"], qwen25.Encode("<think>").Select(id => qwen25.TokenOf(id)!));
    }

    private static void CheckDecoded(HuggingFaceTokenizer tokenizer, JsonElement c)
    {
        int[] ids = TokenizerGoldenFiles.Ids(c);
        Assert.Equal(c.GetProperty("decoded").GetString(), tokenizer.Decode(ids));
        Assert.Equal(c.GetProperty("decoded_skip_special").GetString(), tokenizer.Decode(ids, skipSpecial: true));
    }
}
