using Ctwa.Training.Datasets;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>The tokenizer's rule in its simplest form: at each place the longest piece, from left to right.</summary>
internal static class PieceMatcher
{
    public static List<int> Tokenize(string text)
    {
        var ids = new List<int>();
        for (int at = 0; at < text.Length; at += ArithmeticTokenizer.Pieces[ids[^1]].Length)
        {
            int best = -1;
            for (int id = 0; id < ArithmeticTokenizer.Pieces.Count; id++)
            {
                string piece = ArithmeticTokenizer.Pieces[id];
                if (string.CompareOrdinal(text, at, piece, 0, piece.Length) == 0 && (best < 0 || piece.Length > ArithmeticTokenizer.Pieces[best].Length)) { best = id; }
            }

            Assert.True(best >= 0, $"no token for '{text[at]}' in '{text}'");
            ids.Add(best);
        }

        return ids;
    }
}
