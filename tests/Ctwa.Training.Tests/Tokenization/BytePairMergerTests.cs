using Ctwa.Training.Tokenization;
using FsCheck.Xunit;
using Xunit;

namespace Ctwa.Training.Tests.Tokenization;

public sealed class BytePairMergerTests
{
    private static readonly string[] Merges = ["a b", "b a", "ab ab", "a a", "aa a", "ab b", "c ab", "b b", "bb bb", "aa aa", "cab ab"];

    /// <summary>Short and long pieces take different ways; both must be the definition.</summary>
    [Property(MaxTest = 300)]
    public bool Short_and_long_pieces_are_merged_as_defined(byte[] letters, byte copies)
    {
        string text = string.Concat(Enumerable.Repeat(string.Concat(letters.Select(letter => "abc"[letter % 3])), 1 + (copies % 12)));
        using var fixture = new TokenizerFixture("abc", Merges);
        var tokenizer = fixture.Load();
        return tokenizer.Encode(text).Select(id => tokenizer.TokenOf(id)!).SequenceEqual(ByDefinition(text));
    }

    [Fact]
    public void Of_equal_pairs_the_leftmost_merges_first()
    {
        using var fixture = new TokenizerFixture("a", "a a");
        var tokenizer = fixture.Load();
        foreach (int length in (int[])[3, 301]) { Assert.Equal("a", tokenizer.TokenOf(tokenizer.Encode(new string('a', length))[^1])); }
    }

    private static List<string> ByDefinition(string text)
    {
        List<string> parts = [.. text.Select(letter => letter.ToString())];
        while (true)
        {
            int best = -1, bestRank = int.MaxValue;
            for (int i = 0; i + 1 < parts.Count; i++)
            {
                int rank = Array.IndexOf(Merges, parts[i] + " " + parts[i + 1]);
                if (rank >= 0 && rank < bestRank) { (best, bestRank) = (i, rank); }
            }

            if (best < 0) { return parts; }
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }
}
