using System.Numerics;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Equality, order and membership as Python has them.</summary>
internal static class JinjaCompare
{
    private const int MaxDepth = 64, MaxComparisons = 200_000;

    /// <exception cref="FormatException">The values are nested too deep, or too large together.</exception>
    public static bool AreEqual(object? left, object? right)
    {
        int comparisons = MaxComparisons;
        return AreEqual(left, right, 0, ref comparisons);
    }

    private static bool AreEqual(object? left, object? right, int depth, ref int comparisons)
    {
        if (ReferenceEquals(left, right)) { return true; }
        if (depth > MaxDepth || --comparisons < 0) { throw new FormatException($"values of more than {MaxDepth} levels or {MaxComparisons} parts cannot be compared"); }
        switch (left, right)
        {
            case (bool or long, bool or long): return JinjaValue.Whole(left) == JinjaValue.Whole(right);
            case (bool or long or double, bool or long or double): return JinjaValue.Number(left) == JinjaValue.Number(right);
            case (BigInteger first, BigInteger second): return first == second;
            case (string first, string second): return string.Equals(first, second, StringComparison.Ordinal);
            case (JinjaUndefined, JinjaUndefined): return true;
            case (JinjaList first, JinjaList second):
                if (first.IsTuple != second.IsTuple || first.Items.Count != second.Items.Count) { return false; }
                for (int i = 0; i < first.Items.Count; i++)
                {
                    if (!AreEqual(first.Items[i], second.Items[i], depth + 1, ref comparisons)) { return false; }
                }

                return true;
            case (JinjaDict first, JinjaDict second):
                if (first.Items.Count != second.Items.Count) { return false; }
                foreach (var (key, value) in first.Items)
                {
                    if (!second.Items.TryGetValue(key, out object? other) || !AreEqual(value, other, depth + 1, ref comparisons)) { return false; }
                }

                return true;
            default: return false;
        }
    }

    /// <summary>Below, at or above 0 as left lies before, at or behind right; null: they have no order.</summary>
    public static int? Order(object? left, object? right, int depth = 0)
    {
        switch (left, right)
        {
            case (bool or long, bool or long): return JinjaValue.Whole(left)!.Value.CompareTo(JinjaValue.Whole(right)!.Value);
            case (bool or long or double, bool or long or double): return JinjaValue.Number(left).CompareTo(JinjaValue.Number(right));
            case (string first, string second): return OrderOfTexts(first, second);
            case (JinjaList first, JinjaList second) when first.IsTuple == second.IsTuple && depth < MaxDepth:
                for (int i = 0; i < Math.Min(first.Items.Count, second.Items.Count); i++)
                {
                    if (AreEqual(first.Items[i], second.Items[i])) { continue; }
                    return Order(first.Items[i], second.Items[i], depth + 1);
                }

                return first.Items.Count.CompareTo(second.Items.Count);
            default: return null;
        }
    }

    /// <summary>Whether an item is in a container; null: the container is none, or a text is asked for something else.</summary>
    public static bool? Contains(object? container, object? item) => container switch
    {
        string text => item is string part ? text.Contains(part, StringComparison.Ordinal) : null,
        JinjaList list => list.Items.Any(other => AreEqual(other, item)),
        JinjaDict dict => JinjaValue.Key(item) is { } key && dict.Items.ContainsKey(key),
        JinjaUndefined => false,
        _ => null,
    };

    // By code point: surrogates sort behind U+E000..U+FFFF in UTF-16, but not in Python.
    private static int OrderOfTexts(string left, string right)
    {
        int at = left.AsSpan().CommonPrefixLength(right);
        if (at == left.Length || at == right.Length) { return left.Length.CompareTo(right.Length); }
        char a = left[at], b = right[at];
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }
}
