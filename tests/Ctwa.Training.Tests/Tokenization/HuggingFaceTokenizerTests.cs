using System.Text;
using Ctwa.Training.Tokenization;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

public sealed class HuggingFaceTokenizerTests
{
    [Property(MaxTest = 300)]
    public bool Decoding_the_ids_of_a_text_gives_its_normalized_form(int[] scalars)
    {
        string text = string.Concat(scalars.Select(s => new Rune(s % 3 == 0 ? 0x1F000 + (s & 0x7FF) : s & 0x7FF)));
        using var fixture = new TokenizerFixture("", "t h", "th e", "Ġ t", "Ġt h");
        var tokenizer = fixture.Load();
        return tokenizer.Decode(tokenizer.Encode(text)) == text.Normalize(NormalizationForm.FormC);
    }

    [Fact]
    public void Texts_are_normalized_to_NFC_when_the_file_says_so_and_only_then()
    {
        using var fixture = new TokenizerFixture();
        Assert.Equal(fixture.Load().Encode("\u00E9"), fixture.Load().Encode("e\u0301"));

        fixture.Json["normalizer"] = null;
        Assert.Equal("e\u0301", fixture.Load().Decode(fixture.Load().Encode("e\u0301")));
        Assert.NotEqual(fixture.Load().Encode("\u00E9"), fixture.Load().Encode("e\u0301"));
    }

    [Fact]
    public void Added_tokens_are_cut_leftmost_and_longest()
    {
        using var fixture = new TokenizerFixture();
        foreach (string token in (string[])["<a>", "<a><b>", "<b>c"]) { fixture.Add(token); }
        var tokenizer = fixture.Load();

        Assert.Equal(["x", "<a><b>", "c", "<a>", "<", "<b>c"], tokenizer.Encode("x<a><b>c<a><<b>c").Select(id => tokenizer.TokenOf(id)!));
    }

    [Fact]
    public void An_added_token_marked_normalized_is_found_in_the_normalized_text_and_others_in_the_raw_text()
    {
        using var fixture = new TokenizerFixture();
        fixture.Add("\u00E9!", normalized: true);
        fixture.Add("<r>", normalized: false);
        var tokenizer = fixture.Load();

        Assert.Equal([tokenizer.IdOf("\u00E9!")!.Value], tokenizer.Encode("e\u0301!"));
        // U+0338 would melt with '>' if the text were normalized first.
        Assert.Equal(tokenizer.IdOf("<r>"), tokenizer.Encode("<r>\u0338")[0]);
    }

    [Fact]
    public void Skipping_special_tokens_keeps_the_added_tokens_that_are_not_special()
    {
        using var fixture = new TokenizerFixture();
        fixture.Add("<end>");
        fixture.Add("<think>", special: false);
        var tokenizer = fixture.Load();
        int[] ids = tokenizer.Encode("<think>a<end>");

        Assert.Equal("<think>a<end>", tokenizer.Decode(ids));
        Assert.Equal("<think>a", tokenizer.Decode(ids, skipSpecial: true));
    }

    [Fact]
    public void An_id_beyond_the_vocabulary_shows_as_a_replacement_character_and_a_negative_one_is_an_error()
    {
        using var fixture = new TokenizerFixture();
        var tokenizer = fixture.Load();
        int a = tokenizer.IdOf("a")!.Value;

        Assert.Equal("a\uFFFDa", tokenizer.Decode([a, tokenizer.VocabularySize + 7, a]));
        Assert.Throws<ArgumentOutOfRangeException>(() => tokenizer.Decode([-1]));
        Assert.Null(tokenizer.TokenOf(tokenizer.VocabularySize));
        Assert.Null(tokenizer.TokenOf(-1));
        Assert.Null(tokenizer.IdOf("absent"));
    }

    [Theory]
    [InlineData("abb\u00E9", 3, "'\u00E9' (U+00E9) at index 3")]
    [InlineData("ab \U0001F600", 3, "'\U0001F600' (U+1F600) at index 3")]
    [InlineData("a<x>bz", 5, "'z' (U+007A) at index 5")]
    [InlineData("a\tb", 1, "character (U+0009) at index 1")]
    public void A_character_that_the_vocabulary_cannot_express_is_an_error_that_names_it(string text, int position, string named)
    {
        using var fixture = new TokenizerFixture("abĠ", "a b");
        fixture.Add("<x>");
        var error = Assert.Throws<UnencodableTextException>(() => fixture.Load().Encode(text));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Equal(position, error.Position);
    }

    [Fact]
    public void A_partial_alphabet_encodes_what_it_can_express()
    {
        using var fixture = new TokenizerFixture("abĠ", "a b");
        var tokenizer = fixture.Load();

        Assert.Equal(["ab", "b", "Ġ", "a"], tokenizer.Encode("abb a").Select(id => tokenizer.TokenOf(id)!));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_an_error_that_names_its_position()
    {
        using var fixture = new TokenizerFixture();
        var tokenizer = fixture.Load();
        // Not inline data: attributes are stored as UTF-8, which has no lone surrogates.
        foreach (var (text, position) in ((string, int)[])[("ab\uD800", 2), ("\uDC00\uD800", 0), ("\U0001F600\uD83D", 2), ("\U0001F600a\uDC00b", 3)])
        {
            Assert.Equal(position, Assert.Throws<UnencodableTextException>(() => tokenizer.Encode(text)).Position);
        }
    }

    [Theory]
    [InlineData(false, new[] { "ab", "c" })]
    [InlineData(true, new[] { "abc" })]
    public void A_piece_that_is_an_entry_is_taken_whole_when_merges_are_ignored(bool ignore, string[] expected)
    {
        using var fixture = new TokenizerFixture("", "a b", "b c");
        fixture.Vocabulary["abc"] = fixture.Vocabulary.Count;
        fixture.Json["model"]!["ignore_merges"] = ignore;
        var tokenizer = fixture.Load();

        Assert.Equal(expected, tokenizer.Encode("abc").Select(id => tokenizer.TokenOf(id)!));
    }

    [Fact]
    public void The_end_and_padding_tokens_come_from_the_configuration_beside_the_file()
    {
        using var fixture = new TokenizerFixture();
        fixture.Add("<end>");
        fixture.Add("<pad>");
        Assert.Empty(fixture.Load().EndOfTextIds);
        Assert.Null(fixture.Load().PaddingId);

        string config = Path.Combine(fixture.Folder, "tokenizer_config.json");
        File.WriteAllText(config, """{"eos_token": {"content": "<end>"}, "pad_token": null}""");
        Assert.Equal([256], fixture.Load().EndOfTextIds);
        Assert.Equal(256, fixture.Load().PaddingId);

        File.WriteAllText(config, """{"eos_token": "<end>", "pad_token": "<pad>"}""");
        Assert.Equal(257, fixture.Load().PaddingId);

        File.WriteAllText(config, """{"eos_token": "<stop>"}""");
        Assert.Contains("eos_token is \"<stop>\"", Assert.Throws<InvalidDataException>(fixture.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Copying_carries_the_bytes_that_were_loaded()
    {
        using var fixture = new TokenizerFixture();
        fixture.Load();
        string config = Path.Combine(fixture.Folder, "tokenizer_config.json"), target = Path.Combine(fixture.Folder, "copy");
        File.AppendAllText(fixture.Path, "\n  \n");
        File.WriteAllText(config, """{"eos_token": null,  "chat_template": "x"}""");
        byte[] file = File.ReadAllBytes(fixture.Path), configFile = File.ReadAllBytes(config);
        var tokenizer = HuggingFaceTokenizer.Load(fixture.Path);
        // A run outlives the folder that it was started from.
        File.Delete(fixture.Path);
        File.Delete(config);
        tokenizer.CopyTo(target);

        Assert.Equal(file, File.ReadAllBytes(Path.Combine(target, "tokenizer.json")));
        Assert.Equal(configFile, File.ReadAllBytes(Path.Combine(target, "tokenizer_config.json")));
    }

    [Fact]
    public void Threads_that_share_a_tokenizer_get_the_ids_of_one_alone()
    {
        using var fixture = new TokenizerFixture("", "t h", "th e", "Ġ t");
        var shared = fixture.Load();
        string[] texts = [.. Enumerable.Range(0, 64).Select(i => $"the {i * 7919} tether{i} \U0001D453(x)")];
        int[][] alone = [.. texts.Select(t => fixture.Load().Encode(t))];
        int[][] together = [.. texts.AsParallel().AsOrdered().WithDegreeOfParallelism(4).Select(shared.Encode)];

        Assert.Equal(alone, together);
    }
}
