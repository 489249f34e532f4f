using System.Text.Json.Nodes;
using Ctwa.Training.Tokenization;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

public sealed class TokenizerFileTests
{
    [Fact]
    public void An_absent_file_is_an_error_that_says_what_to_give()
    {
        var error = Assert.Throws<FileNotFoundException>(() => HuggingFaceTokenizer.Load("/nowhere/at/all"));
        Assert.Contains("/nowhere/at/all", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_cut_anywhere_is_one_clear_error()
    {
        using var fixture = new TokenizerFixture("abĠ", "a b");
        fixture.Load();
        byte[] whole = File.ReadAllBytes(fixture.Path);
        for (int length = 0; length < whole.Length; length += 13)
        {
            File.WriteAllBytes(fixture.Path, whole[..length]);
            Assert.Contains("not complete JSON", Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(fixture.Path)).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("[]", "no object \"model\"")]
    [InlineData("""{"model": {"type": "BPE"}}""", "model.vocab is missing")]
    [InlineData("""{"model": {"vocab": {}, "merges": []}}""", "model.vocab is empty")]
    [InlineData("""{"model": {"vocab": {"a": 0, "a": 1}, "merges": []}}""", "the token \"a\" twice")]
    [InlineData("""{"model": {"vocab": {"a": 0, "b": 0}, "merges": []}}""", "the id 0 is given to both \"a\" and \"b\"")]
    [InlineData("""{"model": {"vocab": {"a": -1}, "merges": []}}""", "the id of \"a\" is -1")]
    [InlineData("""{"model": {"vocab": {"a": 1.5}, "merges": []}}""", "the id of \"a\" is 1.5")]
    [InlineData("""{"model": {"vocab": {"a": 2000000000}, "merges": []}}""", "the id of \"a\" is 2000000000")]
    [InlineData("""{"model": {"vocab": {"a": 0}}}""", "model.merges is missing")]
    [InlineData("""{"model": {"vocab": {"a": 0, "b": 1}, "merges": ["a b"]}}""", "\"ab\" is not in model.vocab")]
    [InlineData("""{"model": {"vocab": {"a": 0, "ab": 1}, "merges": [["a", "b"]]}}""", "model.merges[0] is [\"a\", \"b\"], but \"b\" is not in model.vocab")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": ["a"]}}""", "model.merges[0] is \"a\"")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": [["a", "a", "a"]]}}""", "a merge is")]
    [InlineData("""{"model": {"vocab": {"a": 0}, "merges": [7]}}""", "cannot be used as a tokenizer")]
    [InlineData("""{"model": {"vocab": {"a": 0, "aa": 1}, "merges": ["a a", "a a"]}}""", "model.merges[1], \"a a\", is there twice")]
    [InlineData("""{"model": {"vocab": {"\ud800": 0}, "merges": []}}""", "cannot be used as a tokenizer")]
    [InlineData("""{"model": {"type": "Unigram", "vocab": []}}""", "model.type is Unigram")]
    public void A_damaged_file_is_one_clear_error(string json, string named)
    {
        using var fixture = new TokenizerFixture();
        File.WriteAllText(fixture.Path, json);
        var error = Assert.Throws<InvalidDataException>(() => HuggingFaceTokenizer.Load(fixture.Path));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(fixture.Path, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model.byte_fallback", "true", "model.byte_fallback is true")]
    [InlineData("model.dropout", "0.1", "model.dropout is 0.1")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix is </w>")]
    [InlineData("normalizer", """{"type": "Lowercase"}""", "normalizer is Lowercase")]
    [InlineData("normalizer", """{"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Strip"}]}""", "normalizer is Strip")]
    [InlineData("pre_tokenizer", "null", "pre_tokenizer is null")]
    [InlineData("pre_tokenizer", """{"type": "Metaspace"}""", "pre_tokenizer is Metaspace")]
    [InlineData("pre_tokenizer", """{"type": "Sequence", "pretokenizers": [{"type": "Whitespace"}, {"type": "ByteLevel", "add_prefix_space": false}]}""", "pre_tokenizer is Whitespace")]
    [InlineData("pre_tokenizer", """{"type": "ByteLevel", "add_prefix_space": true}""", "add_prefix_space is true")]
    [InlineData("decoder", """{"type": "Metaspace"}""", "decoder is Metaspace")]
    [InlineData("decoder", "null", "decoder is null")]
    [InlineData("added_tokens", """[{"id": 256, "content": "<a>", "lstrip": true}]""", "\"<a>\": lstrip is true")]
    [InlineData("added_tokens", """[{"id": 5, "content": "<a>"}]""", "the id 5 is given to both")]
    [InlineData("added_tokens", """[{"id": 256, "content": "a"}]""", "\"a\" has id")]
    [InlineData("added_tokens", """[{"id": 256, "content": "<a>"}, {"id": 257, "content": "<a>"}]""", "\"<a>\" twice")]
    public void What_is_not_supported_is_refused_by_name(string path, string value, string named)
    {
        using var fixture = new TokenizerFixture();
        JsonObject parent = fixture.Json;
        string[] steps = path.Split('.');
        foreach (string step in steps[..^1]) { parent = parent[step]!.AsObject(); }
        parent[steps[^1]] = JsonNode.Parse(value);

        Assert.Contains(named, Assert.Throws<InvalidDataException>(fixture.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_split_that_drops_or_inverts_is_refused_by_name()
    {
        using var fixture = new TokenizerFixture();
        var split = fixture.Json["pre_tokenizer"]!["pretokenizers"]![0]!;
        split["behavior"] = "Removed";
        Assert.Contains("behavior is Removed", Assert.Throws<InvalidDataException>(fixture.Load).Message, StringComparison.Ordinal);
        split["behavior"] = "Isolated";
        split["invert"] = true;
        Assert.Contains("invert is true", Assert.Throws<InvalidDataException>(fixture.Load).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_that_is_in_the_vocabulary_may_be_an_added_token_with_the_same_id()
    {
        using var fixture = new TokenizerFixture();
        fixture.Vocabulary["<end>"] = 256;
        fixture.Add("<end>", id: 256);

        Assert.Equal([256], fixture.Load().Encode("<end>"));
    }

    [Theory]
    [InlineData("not", "is neither a token nor null")]
    [InlineData("{", "cannot be read")]
    public void A_damaged_configuration_is_one_clear_error(string content, string named)
    {
        using var fixture = new TokenizerFixture();
        File.WriteAllText(Path.Combine(fixture.Folder, "tokenizer_config.json"), content == "not" ? """{"eos_token": 3}""" : content);
        Assert.Contains(named, Assert.Throws<InvalidDataException>(fixture.Load).Message, StringComparison.Ordinal);
    }
}
