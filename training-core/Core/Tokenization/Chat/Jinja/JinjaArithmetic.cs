using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Operators as Python has them. Whole numbers have 64 bits; what goes beyond is an error.</summary>
internal static class JinjaArithmetic
{
    public static object? Sign(string sign, object? value, int position) => value switch
    {
        bool or long => sign == "-" ? Checked(() => checked(-JinjaValue.Whole(value)!.Value), position) : JinjaValue.Whole(value),
        double number => sign == "-" ? -number : number,
        _ => throw new JinjaException($"'{sign}' needs a number, not {Describe(value)}", position),
    };

    public static object? Apply(string sign, object? left, object? right, int position, JinjaBudget budget)
    {
        if (JinjaValue.Whole(left) is { } a && JinjaValue.Whole(right) is { } b) { return Whole(sign, a, b, position); }
        if (JinjaValue.IsNumber(left) && JinjaValue.IsNumber(right)) { return Float(sign, JinjaValue.Number(left!), JinjaValue.Number(right!), position); }
        switch (sign, left, right)
        {
            case ("+", string first, string second):
                budget.Spend(first.Length + second.Length, position);
                return first + second;
            case ("+", JinjaList first, JinjaList second) when first.IsTuple == second.IsTuple:
                budget.Spend(first.Items.Count + second.Items.Count, position);
                return new JinjaList([.. first.Items, .. second.Items], first.IsTuple);
            case ("*", string or JinjaList, bool or long): return Repeat(left, JinjaValue.Whole(right)!.Value, position, budget);
            case ("*", bool or long, string or JinjaList): return Repeat(right, JinjaValue.Whole(left)!.Value, position, budget);
            case ("%", string format, _): return Format(format, right, position, budget);
            default: throw new JinjaException($"'{sign}' cannot be applied to {Describe(left)} and {Describe(right)}", position);
        }
    }

    /// <summary>A value in an error: its type, and for an undefined one why it is.</summary>
    public static string Describe(object? value) => value switch
    {
        JinjaUndefined undefined => $"an undefined value ({undefined.Why})",
        null => "None",
        _ => $"a value of type {JinjaValue.TypeName(value)}",
    };

    private static object Whole(string sign, long a, long b, int position)
    {
        switch (sign)
        {
            case "+": return Checked(() => checked(a + b), position);
            case "-": return Checked(() => checked(a - b), position);
            case "*": return Checked(() => checked(a * b), position);
            case "/": return (double)a / Divisor(b, position);
            case "//":
            {
                long divisor = Divisor(b, position);
                return Checked(() => checked(a / divisor) - (a % divisor != 0 && a % divisor < 0 != divisor < 0 ? 1 : 0), position);
            }

            case "%":
            {
                long divisor = Divisor(b, position);
                long rest = divisor == -1 ? 0 : a % divisor;
                return rest != 0 && rest < 0 != divisor < 0 ? rest + divisor : rest;
            }

            default: return b < 0 ? Math.Pow(a, b) : Power(a, b, position);
        }
    }

    private static object Float(string sign, double a, double b, int position)
    {
        if (sign is "/" or "//" or "%" && b == 0) { throw new JinjaException("division by zero", position); }
        double rest;
        switch (sign)
        {
            case "+": return a + b;
            case "-": return a - b;
            case "*": return a * b;
            case "/": return a / b;
            case "//": return Math.Floor(a / b);
            case "%":
                rest = a % b;
                return rest != 0 && rest < 0 != b < 0 ? rest + b : rest;
            default: return Math.Pow(a, b);
        }
    }

    private static object Power(long a, long b, int position) => Checked(() =>
    {
        long power = 1;
        // Beyond 64 steps only 0, 1 and -1 do not overflow.
        for (long i = 0; i < (a is 0 or 1 or -1 ? Math.Min(b, 2 + (b % 2)) : b); i++) { power = checked(power * a); }
        return power;
    }, position);

    private static object Checked(Func<long> compute, int position)
    {
        try { return compute(); }
        catch (OverflowException) { throw new JinjaException("a whole number goes beyond 64 bits", position); }
    }

    private static long Divisor(long b, int position) => b != 0 ? b : throw new JinjaException("division by zero", position);

    private static object Repeat(object? value, long times, int position, JinjaBudget budget)
    {
        times = Math.Max(times, 0);
        long length = value is string text ? text.Length : ((JinjaList)value!).Items.Count;
        if (length > 0 && times > JinjaBudget.MaxOutput / length) { throw new JinjaException($"a value is repeated to more than {JinjaBudget.MaxOutput} parts", position); }
        budget.Spend(length * times, position);
        if (value is string repeated) { return length == 0 ? "" : new StringBuilder((int)(length * times)).Insert(0, repeated, (int)times).ToString(); }
        var list = (JinjaList)value;
        return new JinjaList([.. Enumerable.Repeat(list.Items, length == 0 ? 0 : (int)times).SelectMany(items => items)], list.IsTuple);
    }

    /// <summary>Python's <c>'...' % values</c> for %s, %r, %d, %i, %f with a precision, and %%.</summary>
    public static string Format(string format, object? values, int position, JinjaBudget? budget = null)
    {
        var rest = new Queue<object?>(values is JinjaList { IsTuple: true } tuple ? tuple.Items : [values]);
        var text = new StringBuilder();
        for (int at = 0; at < format.Length; at++)
        {
            if (format[at] != '%') { text.Append(format[at]); continue; }
            int precision = 6, from = ++at;
            if (at < format.Length && format[at] == '.')
            {
                while (++at < format.Length && char.IsAsciiDigit(format[at])) { }
                if (at - from is < 2 or > 3) { throw new JinjaException("a format has a precision of one or two digits", position); }
                precision = int.Parse(format.AsSpan(from + 1, at - from - 1), CultureInfo.InvariantCulture);
            }

            char kind = at < format.Length ? format[at] : '\0';
            if (kind == '%') { text.Append('%'); continue; }
            if (kind is not ('s' or 'r' or 'd' or 'i' or 'f')) { throw new JinjaException("a format holds '%' with something else than s, r, d, i, f or %, which is not supported", position); }
            if (!rest.TryDequeue(out object? value)) { throw new JinjaException("a format has more places than values", position); }
            text.Append(kind switch
            {
                's' => PythonFormat.Text(value),
                'r' => PythonFormat.Repr(value),
                'f' when JinjaValue.IsNumber(value) => JinjaValue.Number(value!).ToString("F" + JinjaValue.Invariant(precision), CultureInfo.InvariantCulture),
                'd' or 'i' when value is double number && Math.Abs(number) < 1e18 => JinjaValue.Invariant((long)number),
                'd' or 'i' when JinjaValue.Whole(value) is { } whole => JinjaValue.Invariant(whole),
                _ => throw new JinjaException($"'%{kind}' needs a number, not {Describe(value)}", position),
            });
        }

        if (rest.Count > 0 && values is not JinjaDict) { throw new JinjaException("a format has fewer places than values", position); }
        budget?.Spend(text.Length, position);
        return text.ToString();
    }
}
