using System.Text;
using Ctwa.Training.Randomness;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

public sealed class IncrementalDecoderTests : IDisposable
{
    private readonly TokenizerFixture _fixture = new();
    private readonly HuggingFaceTokenizer _tokenizer;

    public IncrementalDecoderTests()
    {
        _fixture.Add("<end>");
        _fixture.Add("<tool>", special: false);
        _tokenizer = _fixture.Load();
    }

    [Fact]
    public void A_character_of_several_tokens_comes_with_its_last_one()
    {
        var decoder = new IncrementalDecoder(_tokenizer);
        int[] ids = _tokenizer.Encode("aé€😀b");
        Assert.Equal(1 + 2 + 3 + 4 + 1, ids.Length);
        Assert.Equal(["a", "", "é", "", "", "€", "", "", "", "😀", "b"], ids.Select(decoder.Push));
        Assert.Equal("", decoder.Finish());
    }

    [Fact]
    public void An_incomplete_character_at_the_end_shows_as_replaced()
    {
        var decoder = new IncrementalDecoder(_tokenizer);
        int[] ids = _tokenizer.Encode("x😀")[..^1];
        Assert.Equal("x", string.Concat(ids.Select(decoder.Push)));
        Assert.Equal("\uFFFD", decoder.Finish());
        // It begins anew.
        Assert.Equal("y", decoder.Push(_tokenizer.Encode("y")[0]));
        Assert.Equal("", decoder.Finish());
    }

    [Fact]
    public void Special_tokens_are_left_out_if_asked_and_do_not_part_a_character()
    {
        int[] euro = _tokenizer.Encode("€");
        int[] ids = [euro[0], 256, euro[1], euro[2], 257];
        var without = new IncrementalDecoder(_tokenizer);
        Assert.Equal(["", "", "", "€", "<tool>"], ids.Select(without.Push));
        var with = new IncrementalDecoder(_tokenizer, skipSpecial: false);
        Assert.Equal(_tokenizer.Decode(ids), string.Concat(ids.Select(with.Push)) + with.Finish());
    }

    [Fact]
    public void All_that_is_handed_out_is_the_text_of_all_ids()
    {
        // Random bytes are mostly no UTF-8: every way to be malformed, unknown ids and added tokens among them.
        byte[] usual = Encoding.UTF8.GetBytes("aé€😀𝄞");
        int[] bytes = [.. usual.Select(b => _tokenizer.IdOf(ByteAlphabet.Character(b).ToString())!.Value)];
        for (int round = 0; round < 10_000; round++)
        {
            int length = CounterRandom.Below(14, 4, RandomPurpose.Test, round, 0, 0, 0);
            int[] ids = [.. Enumerable.Range(0, length).Select(i => CounterRandom.Below(3, 4, RandomPurpose.Test, round, i, 1, 0) > 0
                ? bytes[CounterRandom.Below(bytes.Length, 4, RandomPurpose.Test, round, i, 2, 0)]
                : CounterRandom.Below(261, 4, RandomPurpose.Test, round, i, 3, 0))];
            foreach (bool skip in (bool[])[true, false])
            {
                var decoder = new IncrementalDecoder(_tokenizer, skip);
                string[] parts = [.. ids.Select(decoder.Push), decoder.Finish()];
                Assert.Equal(_tokenizer.Decode(ids, skip), string.Concat(parts));
                Assert.DoesNotContain(parts, part => part.Length > 0 && (char.IsHighSurrogate(part[^1]) || char.IsLowSurrogate(part[0])));
            }
        }
    }

    public void Dispose() => _fixture.Dispose();
}
