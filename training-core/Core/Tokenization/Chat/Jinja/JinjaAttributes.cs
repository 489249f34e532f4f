using System.Numerics;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>
/// Attributes, items and slices of values. As in Jinja, <c>a.b</c> is a method of a first and an entry of it second, <c>a['b']</c> the other way round,
/// and neither is an undefined value. Methods that change a value are refused, as Jinja's immutable sandbox does.
/// </summary>
internal static class JinjaAttributes
{
    public static object? Attribute(object? owner, string name, int position)
    {
        switch (owner)
        {
            case JinjaUndefined undefined: throw new JinjaException($"{undefined.Why}, so it has no '{name}'", position);
            case JinjaNamespace names: return names.Items.TryGetValue(name, out object? value) ? value : Missing(owner, name);
            case JinjaLoop loop: return loop.TryGet(name, out object? state) ? state : Missing(owner, name);
            case JinjaMachine.RecursiveLoop recursive: return Attribute(recursive.Loop, name, position);
            case JinjaDict dict:
                return (object?)JinjaMethods.Find(owner, name, position) ?? (dict.Items.TryGetValue(name, out object? entry) ? entry : Missing(owner, name));
            default: return (object?)JinjaMethods.Find(owner, name, position) ?? Missing(owner, name);
        }
    }

    public static object? Item(object? owner, object? key, int position)
    {
        switch (owner)
        {
            case JinjaUndefined undefined: throw new JinjaException($"{undefined.Why}, so it has no items", position);
            case JinjaDict dict when JinjaValue.Key(key) is { } found && dict.Items.TryGetValue(found, out object? value): return value;
            case JinjaList list when JinjaValue.Whole(key) is { } index:
                if (index < 0) { index += list.Items.Count; }
                return index >= 0 && index < list.Items.Count ? list.Items[(int)index] : new JinjaUndefined($"a {JinjaValue.TypeName(owner)} of {list.Items.Count} has no item {JinjaValue.Whole(key)}");
            case string text when JinjaValue.Whole(key) is { } index: return (object?)Character(text, index) ?? new JinjaUndefined($"a text has no character {index}");
        }

        return key is string name ? Attribute(owner, name, position) : Missing(owner, key is null ? "None" : PythonFormat.Text(key));
    }

    public static object? Slice(object? owner, long? start, long? stop, long? step, int position)
    {
        if (step == 0) { throw new JinjaException("a slice's step is 0", position); }
        switch (owner)
        {
            case string text when text.AsSpan().IndexOfAnyInRange('\uD800', '\uDFFF') < 0:
                return step is null or 1 ? Plain(text, start, stop) : string.Concat(Indices(text.Length, start, stop, step.Value).Select(i => text[i]));
            case string text:
                var characters = JinjaValue.Characters(text);
                return string.Concat(Indices(characters.Count, start, stop, step ?? 1).Select(i => (string)characters[i]!));
            case JinjaList list: return new JinjaList([.. Indices(list.Items.Count, start, stop, step ?? 1).Select(i => list.Items[i])], list.IsTuple);
            case JinjaUndefined undefined: throw new JinjaException($"{undefined.Why}, so it has no slice", position);
            default: return new JinjaUndefined($"{JinjaArithmetic.Describe(owner)} has no slice");
        }
    }

    private static string Plain(string text, long? start, long? stop)
    {
        int from = (int)Clamp(start ?? 0, text.Length, 0, text.Length), to = (int)Clamp(stop ?? text.Length, text.Length, 0, text.Length);
        return to > from ? text[from..to] : "";
    }

    private static IEnumerable<int> Indices(int count, long? start, long? stop, long step)
    {
        long low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
        long from = start is { } first ? Clamp(first, count, low, high) : step > 0 ? low : high;
        long to = stop is { } last ? Clamp(last, count, low, high) : step > 0 ? high : low;
        for (BigInteger i = from; step > 0 ? i < to : i > to; i += step) { yield return (int)i; }
    }

    private static long Clamp(long bound, int count, long low, long high) => Math.Clamp(bound < 0 ? bound + count : bound, low, high);

    private static string? Character(string text, long index)
    {
        int length = JinjaValue.Length(text);
        if (index < 0) { index += length; }
        if (index < 0 || index >= length) { return null; }
        return length == text.Length ? text[(int)index].ToString() : (string)JinjaValue.Characters(text)[(int)index]!;
    }

    private static JinjaUndefined Missing(object? owner, string name) => new(owner is null ? $"None has no '{name}'" : $"a value of type {JinjaValue.TypeName(owner)} has no '{name}'");
}
