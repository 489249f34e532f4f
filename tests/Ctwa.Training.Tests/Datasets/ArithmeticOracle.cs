using System.Globalization;
using System.Text.RegularExpressions;
using Xunit;

namespace Ctwa.Training.Tests.Datasets;

/// <summary>Reads and solves a prompt from its text alone, by other means than the task itself.</summary>
internal static partial class ArithmeticOracle
{
    /// <summary>The first term and the value after each operation.</summary>
    public static int[] Values(string prompt)
    {
        Assert.Matches(PromptPattern(), prompt);
        var values = new List<int> { prompt[0] - '0' };
        for (int i = 1; i < prompt.Length - 3; i += 2)
        {
            int operand = int.Parse(prompt.AsSpan(i + 1, 1), NumberStyles.None, CultureInfo.InvariantCulture);
            int last = values[^1];
            int next = 0;
            for (int n = 0; n < operand; n++) { next += prompt[i] == '*' ? last : 1; }
            values.Add((prompt[i] == '*' ? next : last + next) % 10);
        }

        return [.. values];
    }

    /// <summary>Terms of the chain.</summary>
    public static int Terms(string prompt) => (prompt.Length - 2) / 2;

    /// <summary>
    /// Step markers of a text by a reading wider than any clarity reward's: a number or word at a boundary before
    /// <c>) . : -</c>, a bullet, or an ordinal word.
    /// </summary>
    public static int Markers(string text) => Enumerator().Count(text) + Ordinal().Count(text);

    [GeneratedRegex(@"^\d([+][1-4]|[*][37])+=\?\n$", RegexOptions.CultureInvariant)]
    private static partial Regex PromptPattern();

    [GeneratedRegex(@"(^|[\s(])\w+[).:-]|(^|\s)[-*•](\s|$)", RegexOptions.CultureInvariant | RegexOptions.Multiline | RegexOptions.IgnoreCase)]
    private static partial Regex Enumerator();

    [GeneratedRegex(@"\b(step|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|next|then|finally|lastly|last)\b", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase)]
    private static partial Regex Ordinal();
}
