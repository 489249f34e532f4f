using System.Globalization;
using System.Numerics;

namespace Ctwa.Training.Rewards;

/// <summary>
/// Equality of two short mathematical answers: the reference's normal form, and beyond it exact rational comparison of
/// plain numbers and fractions, so that 0.50, .5, 1/2 and <c>\frac{1}{2}</c> are one answer. No algebra is attempted.
/// </summary>
internal static class AnswerEquivalence
{
    /// <summary>Longer texts are not read as numbers: an answer of this length is not a plain number.</summary>
    private const int LongestNumber = 256;

    /// <summary>Whether two answers are equal. An answer without content equals nothing, not even another empty one.</summary>
    public static bool AreEqual(string left, string right)
    {
        string a = Canonical(left), b = Canonical(right);
        if (a.Length == 0 || b.Length == 0) { return false; }
        return a == b || (TryParse(a, out var x) && TryParse(b, out var y) && x.Numerator * y.Denominator == y.Numerator * x.Denominator);
    }

    private static string Canonical(string answer) => (ReferenceMathAnswer.Normalize(answer.Trim()) ?? answer).Trim();

    /// <summary>Reads a plain number: sign, decimal digits, thousands separators, a/b, <c>\frac{a}{b}</c>. The denominator is positive.</summary>
    internal static bool TryParse(string text, out (BigInteger Numerator, BigInteger Denominator) value)
    {
        value = default;
        if (text.Length > LongestNumber) { return false; }
        var (sign, rest) = Sign(text);
        const string Fraction = @"\frac";
        (string Over, string Under)? parts = null;
        if (rest.StartsWith(Fraction, StringComparison.Ordinal))
        {
            if (Argument(rest[Fraction.Length..], out string tail) is not { } over || Argument(tail, out string end) is not { } under || end.Length > 0) { return false; }
            parts = (over, under);
        }
        else if (rest.IndexOf('/', StringComparison.Ordinal) is var slash and > 0) { parts = (rest[..slash], rest[(slash + 1)..]); }

        if (parts is not { } fraction) { return Decimal(rest, sign, out value); }
        var (overSign, overText) = Sign(fraction.Over);
        var (underSign, underText) = Sign(fraction.Under);
        if (!Decimal(overText, sign * overSign * underSign, out var top) || !Decimal(underText, 1, out var bottom) || bottom.Numerator.IsZero) { return false; }
        value = (top.Numerator * bottom.Denominator, top.Denominator * bottom.Numerator);
        return true;
    }

    private static (int Sign, string Unsigned) Sign(string text) => text.Length == 0 ? (1, text) : text[0] switch
    {
        '-' or '\u2212' => (-1, text[1..]),
        '+' => (1, text[1..]),
        _ => (1, text),
    };

    /// <summary>One argument of a TeX command: a braced group without inner braces, or one character.</summary>
    private static string? Argument(string text, out string tail)
    {
        tail = "";
        if (text.Length == 0) { return null; }
        if (text[0] != '{') { tail = text[1..]; return text[..1]; }
        int close = text.IndexOf('}', StringComparison.Ordinal);
        if (close < 0) { return null; }
        tail = text[(close + 1)..];
        return text[1..close];
    }

    private static bool Decimal(string text, int sign, out (BigInteger Numerator, BigInteger Denominator) value)
    {
        value = default;
        int point = text.IndexOf('.', StringComparison.Ordinal);
        string whole = point < 0 ? text : text[..point], part = point < 0 ? "" : text[(point + 1)..];
        if (whole.Contains(',', StringComparison.Ordinal))
        {
            string[] thousands = whole.Split(',');
            if (thousands[0].Length is 0 or > 3 || thousands.Skip(1).Any(group => group.Length != 3)) { return false; }
            whole = string.Concat(thousands);
        }

        string digits = whole + part;
        if (digits.Length == 0 || digits.AsSpan().ContainsAnyExceptInRange('0', '9')) { return false; }
        value = (sign * BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture), BigInteger.Pow(10, part.Length));
        return true;
    }
}
