namespace Ctwa.Training.Specification;

/// <summary>What a formula can know of a completion. Lengths count Unicode code points.</summary>
/// <param name="Prompt">Prompt text.</param>
/// <param name="Response">Response text.</param>
/// <param name="Tokens">Length of the response in tokens.</param>
public sealed record ExpressionFeatures(string Prompt, string Response, int Tokens)
{
    internal static IReadOnlyDictionary<string, Func<ExpressionFeatures, double>> Names { get; } = new SortedDictionary<string, Func<ExpressionFeatures, double>>(StringComparer.Ordinal)
    {
        ["tokens"] = features => features.Tokens,
        ["characters"] = features => Count(features.Response),
        ["words"] = features => Words(features.Response),
        ["lines"] = features => Lines(features.Response),
        ["prompt_characters"] = features => Count(features.Prompt),
        ["prompt_words"] = features => Words(features.Prompt),
    };

    private static int Count(string text)
    {
        int count = 0;
        foreach (var _ in text.EnumerateRunes()) { count++; }
        return count;
    }

    /// <summary>Runs of characters that are not white space.</summary>
    private static int Words(string text)
    {
        int words = 0;
        bool inside = false;
        foreach (char c in text)
        {
            bool word = !char.IsWhiteSpace(c);
            if (word && !inside) { words++; }
            inside = word;
        }

        return words;
    }

    /// <summary>Line breaks + 1; an empty text has none, and a break at the very end begins no line.</summary>
    private static int Lines(string text) => text.Length == 0 ? 0 : text.AsSpan()[..^1].Count('\n') + 1;
}
