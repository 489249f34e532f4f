using Ctwa.Training.Tokenization;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

public sealed class ScalarSplitterTests
{
    private static readonly ScalarSplitter Qwen = new(TokenizerFixture.QwenPattern);

    [Theory]
    // Expected pieces from the definition of the pattern; 1D453 is a letter, 1F600 a symbol, 1D7D8 a digit, 1F3FB a modifier symbol.
    [InlineData("\U0001D453(x)", "\U0001D453|(x|)")]
    [InlineData("(\U0001D453\U0001D453 a", "(\U0001D453\U0001D453| a")]
    [InlineData("\U0001D7D8\U0001D7D9", "\U0001D7D8|\U0001D7D9")]
    [InlineData("a \U0001F600\U0001F3FB\n\nb", "a| \U0001F600\U0001F3FB\n\n|b")]
    [InlineData("I'LL it's 'Tis", "I|'LL| it|'s| '|Tis")]
    [InlineData("it'\u017Fx", "it|'\u017F|x")]
    [InlineData("a\u0085\u0085b\uFEFFc", "a|\u0085|\u0085b|\uFEFFc")]
    [InlineData("a   b", "a|  | b")]
    public void The_Qwen_pattern_is_matched_over_Unicode_scalars(string text, string pieces) => Assert.Equal(pieces.Split('|'), Pieces(Qwen, text));

    [Theory]
    [InlineData(@"\p{N}{1,3}", "12345a", "123|45|a")]
    [InlineData(@"[^\r\n\p{L}\p{N}]?+\p{L}+", "!ab!!c", "!ab|!|!c")]
    [InlineData(@"\s++\p{L}|x", "a  bx", "a|  b|x")]
    [InlineData(@"(a|b)*+b", "aab", "aab")]
    [InlineData(@"[\u4e00-\u9fa5]+", "a\u4E2D\u6587\U00020000b", "a|\u4E2D\u6587|\U00020000b")]
    [InlineData(@"[^\u4e00-\u9fa5]+", "a\u4E2D\U00020000b", "a|\u4E2D|\U00020000b")]
    [InlineData(@"\p{^L}+", "ab1\U0001D453", "ab|1|\U0001D453")]
    [InlineData(@"[\]\-a]+", "x]-a", "x|]-a")]
    [InlineData(@"x*", "axxb", "a|xx|b")]
    [InlineData(@"(?<=a)b", "abb", "a|b|b")]
    public void Other_patterns_are_honoured(string pattern, string text, string pieces) => Assert.Equal(pieces.Split('|'), Pieces(new ScalarSplitter(pattern), text));

    [Theory]
    [InlineData(@"\w+", "the escape '\\w'")]
    [InlineData(@"\bx", "the escape '\\b'")]
    [InlineData(@"\s+$", "the anchor '$'")]
    [InlineData(@"\p{Han}", "the property 'Han'")]
    [InlineData(@"[a[bc]]", "a class inside a class")]
    [InlineData(@"[a&&b]", "a class inside a class")]
    [InlineData(@"(?i:[a-z])", "a character class that ignores case")]
    [InlineData(@"(?<name>a)", "this group option")]
    [InlineData(@"a{2}+", "this form of '{'")]
    [InlineData(@"a{,2}", "this form of '{'")]
    [InlineData(@"[z-a]", "this range")]
    [InlineData("[\U0001F600]", "a character beyond U+FFFF")]
    [InlineData(@"(a", "a group without ')'")]
    [InlineData(@"a)", "')' without '('")]
    [InlineData(@"[a", "a class without ']'")]
    [InlineData(@"|+", "a quantifier without anything before it")]
    [InlineData(@"a\", "a '\\' at the end")]
    [InlineData(@"a**", "a quantifier without anything before it")]
    [InlineData(@"[\u0080-\uffff]", "names every character of the category")]
    public void A_pattern_that_would_be_read_differently_is_refused_by_name(string pattern, string named)
    {
        var error = Assert.Throws<FormatException>(() => new ScalarSplitter(pattern));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains(pattern, error.Message, StringComparison.Ordinal);
    }

    [Property(MaxTest = 300)]
    public bool The_pieces_join_to_the_text(int[] scalars)
    {
        string text = string.Concat(scalars.Select(s => char.ConvertFromUtf32(s % 2 == 0 ? 0x10000 + (s & 0xFFFF) : s & 0x7FFF)));
        var pieces = Pieces(Qwen, text);
        return string.Concat(pieces) == text && pieces.TrueForAll(piece => piece.Length > 0 && !char.IsLowSurrogate(piece[0]));
    }

    private static List<string> Pieces(ScalarSplitter splitter, string text)
    {
        var lengths = new List<int>();
        splitter.Split(text, lengths);
        int at = 0;
        return [.. lengths.Select(length => text.Substring((at += length) - length, length))];
    }
}
