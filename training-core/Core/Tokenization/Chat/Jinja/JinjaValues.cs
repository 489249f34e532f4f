using System.Globalization;
using System.Numerics;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>
/// Values of a template: null (None), bool, long, BigInteger (only passed through), double, string and the types here. None of them
/// changes while rendering, but for <see cref="JinjaNamespace"/>.
/// </summary>
internal sealed record JinjaUndefined(string Why);

/// <summary>A list, or a tuple.</summary>
internal sealed class JinjaList(IReadOnlyList<object?> items, bool isTuple = false)
{
    public IReadOnlyList<object?> Items { get; } = items;

    public bool IsTuple { get; } = isTuple;
}

/// <summary>A dict in the order of insertion.</summary>
internal sealed class JinjaDict
{
    public OrderedDictionary<object, object?> Items { get; } = new(JinjaKeys.Instance);
}

/// <summary>An object whose attributes a template sets: what carries values out of a loop.</summary>
internal sealed class JinjaNamespace
{
    public OrderedDictionary<string, object?> Items { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something to call: a method, a global function, a macro.</summary>
/// <param name="Name">For errors.</param>
internal sealed record JinjaFunction(string Name, Func<JinjaCall, object?> Invoke);

/// <summary>Keys of dicts: numbers are equal by value, as in Python.</summary>
internal sealed class JinjaKeys : IEqualityComparer<object>
{
    public static JinjaKeys Instance { get; } = new();

    public new bool Equals(object? x, object? y) => JinjaCompare.AreEqual(x, y);

    public int GetHashCode(object obj) => obj switch
    {
        bool or long or double => JinjaValue.Number(obj).GetHashCode(),
        string text => string.GetHashCode(text),
        JinjaList list => list.Items.Count,
        _ => obj.GetHashCode(),
    };
}

/// <summary>Kinds, truth and numbers of values.</summary>
internal static class JinjaValue
{
    /// <summary>Python's name of a value's type.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "None",
        bool => "bool",
        long or BigInteger => "int",
        double => "float",
        string => "str",
        JinjaList { IsTuple: true } => "tuple",
        JinjaList => "list",
        JinjaDict => "dict",
        JinjaNamespace => "namespace",
        JinjaUndefined => "undefined",
        JinjaFunction => "function",
        _ => "loop",
    };

    public static bool IsTrue(object? value) => value switch
    {
        null or JinjaUndefined => false,
        bool flag => flag,
        long number => number != 0,
        double number => number != 0,
        BigInteger number => !number.IsZero,
        string text => text.Length > 0,
        JinjaList list => list.Items.Count > 0,
        JinjaDict dict => dict.Items.Count > 0,
        _ => true,
    };

    public static bool IsNumber(object? value) => value is bool or long or double;

    public static double Number(object value) => value switch { bool flag => flag ? 1 : 0, long number => number, double number => number, _ => throw new ArgumentException("no number", nameof(value)) };

    /// <summary>A whole number, true and false being 1 and 0; null for anything else.</summary>
    public static long? Whole(object? value) => value switch { bool flag => flag ? 1 : 0, long number => number, _ => null };

    public static JinjaList Tuple(params object?[] items) => new(items, isTuple: true);

    /// <summary>The value as a key of a dict; null if it cannot be one.</summary>
    public static object? Key(object? value) => value is string or bool or long or double or JinjaList { IsTuple: true } ? value : null;

    /// <summary>The code points of a text, each as a string of its own.</summary>
    public static List<object?> Characters(string text)
    {
        var characters = new List<object?>(text.Length);
        for (int at = 0; at < text.Length;)
        {
            int length = char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1]) ? 2 : 1;
            characters.Add(text.Substring(at, length));
            at += length;
        }

        return characters;
    }

    /// <summary>Length of a text in code points.</summary>
    public static int Length(string text)
    {
        int pairs = 0;
        for (int at = text.AsSpan().IndexOfAnyInRange('\uD800', '\uDBFF'); at >= 0 && at < text.Length; at++)
        {
            if (char.IsHighSurrogate(text[at]) && at + 1 < text.Length && char.IsLowSurrogate(text[at + 1])) { pairs++; }
        }

        return text.Length - pairs;
    }

    public static string Invariant(IFormattable value) => value.ToString(null, CultureInfo.InvariantCulture);
}
