using System.Globalization;
using System.Text;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Answer extraction and normalisation with the behaviour of the reference implementation (the MATH normalisation of
/// the Language Model Evaluation Harness), defects included: <c>\fbox</c> is found but then refused, any
/// <c>\boxed </c> followed by a space beats every braced box, an empty box equals an empty answer. Where the reference
/// raises an exception, the functions here return null.
/// </summary>
internal static class ReferenceMathAnswer
{
    private const string Spaced = @"\boxed ", Braced = @"\boxed{";

    /// <summary>1 if the last box equals the ground truth, else 0.</summary>
    public static double Score(string response, string groundTruth) =>
        LastBoxed(response) is { } box && RemoveBoxed(box) is { } answer && AreEquivalent(answer, groundTruth) ? 1 : 0;

    /// <summary>The text from the last <c>\boxed</c> (or, without one, <c>\fbox</c>) to its closing brace; null if there is none.</summary>
    public static string? LastBoxed(string text)
    {
        int spaced = text.LastIndexOf(Spaced, StringComparison.Ordinal);
        if (spaced >= 0)
        {
            string rest = text[(spaced + Spaced.Length)..];
            int dollar = rest.IndexOf('$', StringComparison.Ordinal);
            return Spaced + (dollar < 0 ? rest : rest[..dollar]);
        }

        int start = text.LastIndexOf(@"\boxed", StringComparison.Ordinal);
        if (start < 0) { start = text.LastIndexOf(@"\fbox", StringComparison.Ordinal); }
        if (start < 0) { return null; }
        int depth = 0;
        for (int i = start; i < text.Length; i++)
        {
            if (text[i] == '{') { depth++; }
            if (text[i] == '}' && --depth == 0) { return text[start..(i + 1)]; }
        }

        return null;
    }

    /// <summary>What is inside a box; null where the reference's assertion fails.</summary>
    public static string? RemoveBoxed(string box)
    {
        if (box.Contains(Spaced, StringComparison.Ordinal))
        {
            return box.StartsWith(Spaced, StringComparison.Ordinal) ? box[Spaced.Length..] : null;
        }

        return box.StartsWith(Braced, StringComparison.Ordinal) && box[^1] == '}' ? box[Braced.Length..^1] : null;
    }

    /// <summary>Equality of normal forms; of the raw texts if one of them cannot be normalised.</summary>
    public static bool AreEquivalent(string? left, string? right)
    {
        if (left is null || right is null) { return left is null && right is null; }
        return Normalize(left) is { } a && Normalize(right) is { } b ? a == b : left == right;
    }

    /// <summary>The reference's normal form; null where it raises.</summary>
    public static string? Normalize(string text)
    {
        foreach (var (from, to) in Replacements) { text = text.Replace(from, to, StringComparison.Ordinal); }
        string[] units = text.Split(@"\text{ ");
        if (units.Length > 2) { return null; }
        text = units[0].Replace(@"\%", "", StringComparison.Ordinal).Replace(" .", " 0.", StringComparison.Ordinal).Replace("{.", "{0.", StringComparison.Ordinal);
        if (text.Length == 0) { return text; }
        if (text[0] == '.') { text = "0" + text; }
        string[] sides = text.Split('=');
        if (sides.Length == 2 && CodePointCount(sides[0]) <= 2) { text = sides[1]; }
        if (BraceRoots(text) is not { } rooted) { return null; }
        if (BraceFractions(rooted.Replace(" ", "", StringComparison.Ordinal)) is not { } fractions) { return null; }
        return FractionFromSlash(fractions == "0.5" ? @"\frac{1}{2}" : fractions);
    }

    private static readonly (string From, string To)[] Replacements =
    [
        ("\n", ""), (@"\!", ""), (@"\\", @"\"), ("tfrac", "frac"), ("dfrac", "frac"), (@"\left", ""), (@"\right", ""),
        (@"^{\circ}", ""), (@"^\circ", ""), (@"\$", ""),
    ];

    /// <summary><c>\sqrt3</c> → <c>\sqrt{3}</c>.</summary>
    private static string? BraceRoots(string text)
    {
        string[] parts = text.Split(@"\sqrt");
        var result = new StringBuilder(parts[0]);
        foreach (string part in parts.AsSpan(1))
        {
            if (part.Length == 0) { return null; }
            int first = FirstLength(part);
            result.Append(@"\sqrt").Append(part[0] == '{' ? part : $"{{{part[..first]}}}{part[first..]}");
        }

        return result.ToString();
    }

    /// <summary><c>\frac12</c> → <c>\frac{1}{2}</c> and <c>\frac1{72}</c> → <c>\frac{1}{72}</c>; a <c>\frac</c> with one character after it leaves the whole text as it was.</summary>
    private static string? BraceFractions(string text)
    {
        string[] parts = text.Split(@"\frac");
        var result = new StringBuilder(parts[0]);
        foreach (string part in parts.AsSpan(1))
        {
            if (part.Length == 0) { return null; }
            result.Append(@"\frac");
            if (part[0] == '{') { result.Append(part); continue; }
            int first = FirstLength(part);
            if (first == part.Length) { return text; }
            string numerator = part[..first], rest = part[first..];
            int second = FirstLength(rest);
            result.Append(CultureInfo.InvariantCulture, $"{{{numerator}}}");
            result.Append(rest[0] == '{' ? rest : $"{{{rest[..second]}}}{rest[second..]}");
        }

        return result.ToString();
    }

    /// <summary><c>1/2</c> → <c>\frac{1}{2}</c> if both sides are integers written the shortest way.</summary>
    private static string FractionFromSlash(string text)
    {
        string[] sides = text.Split('/');
        return sides.Length == 2 && IsShortestInteger(sides[0]) && IsShortestInteger(sides[1]) ? $@"\frac{{{sides[0]}}}{{{sides[1]}}}" : text;
    }

    private static bool IsShortestInteger(string text)
    {
        if (text == "0") { return true; }
        var digits = text.AsSpan(text.StartsWith('-') ? 1 : 0);
        return digits.Length > 0 && digits[0] != '0' && !digits.ContainsAnyExceptInRange('0', '9');
    }

    private static int FirstLength(string text) => char.IsHighSurrogate(text[0]) && text.Length > 1 && char.IsLowSurrogate(text[1]) ? 2 : 1;

    private static int CodePointCount(string text) => PythonText.CodePoints(text).Length;
}
