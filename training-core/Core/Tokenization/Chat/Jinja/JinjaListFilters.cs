namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Filters behind <c>|</c> on lists and dicts. Where Jinja gives a generator these give a list.</summary>
internal static class JinjaListFilters
{
    public static Dictionary<string, Func<object?, JinjaCall, object?>> All { get; } = new(StringComparer.Ordinal)
    {
        ["batch"] = Batch,
        ["dictsort"] = DictSort,
        ["first"] = (value, call) => Items(value, call) is { Count: > 0 } items ? items[0] : new JinjaUndefined("the list is empty and has no first item"),
        ["items"] = (value, call) => value switch
        {
            JinjaUndefined => new JinjaList([]),
            JinjaDict dict => new JinjaList([.. dict.Items.Select(entry => JinjaValue.Tuple(entry.Key, entry.Value))]),
            _ => throw call.Error($"needs a dict, not {JinjaValue.TypeName(value)}"),
        },
        ["join"] = Join,
        ["last"] = (value, call) => Items(value, call) is { Count: > 0 } items ? items[^1] : new JinjaUndefined("the list is empty and has no last item"),
        ["list"] = (value, call) => new JinjaList(Items(value, call)),
        ["map"] = Map,
        ["max"] = (value, call) => Extreme(value, call, 1),
        ["min"] = (value, call) => Extreme(value, call, -1),
        ["reject"] = (value, call) => Select(value, call, keeps: false, byAttribute: false),
        ["rejectattr"] = (value, call) => Select(value, call, keeps: false, byAttribute: true),
        ["reverse"] = (value, call) =>
        {
            var items = Items(value, call);
            items.Reverse();
            return value is string ? string.Concat(items) : new JinjaList(items);
        },
        ["select"] = (value, call) => Select(value, call, keeps: true, byAttribute: false),
        ["selectattr"] = (value, call) => Select(value, call, keeps: true, byAttribute: true),
        ["sort"] = Sort,
        ["sum"] = Sum,
        ["unique"] = Unique,
    };

    private static List<object?> Items(object? value, JinjaCall call) => call.Machine.Items(value, call.Position);

    /// <summary>What attribute='a.b.0' names in an item.</summary>
    private static Func<object?, object?> Getter(object? attribute, JinjaCall call)
    {
        if (attribute is null) { return item => item; }
        object?[] steps = attribute is string path ? [.. path.Split('.').Select(step => step.Length is > 0 and < 10 && step.All(char.IsAsciiDigit) ? (object?)long.Parse(step, System.Globalization.CultureInfo.InvariantCulture) : step)] : [attribute];
        return item => steps.Aggregate(item, (value, step) => value is JinjaUndefined ? value : JinjaAttributes.Item(value, step, call.Position));
    }

    private static JinjaCall Rest(JinjaCall call, string name, int skipped) => new(call.Machine, name, call.Position, [.. call.Positional.Skip(skipped)], call.Named);

    private static object Map(object? value, JinjaCall call)
    {
        var items = Items(value, call);
        if (call.Positional.Count == 0)
        {
            call.Accept("", "attribute", "default");
            var get = Getter(call.Named.TryGetValue("attribute", out object? attribute) && attribute is not null ? attribute : throw call.Error("needs a filter's name or 'attribute'"), call);
            object? fallback = call.Argument(2, "default");
            return new JinjaList([.. items.Select(item => get(item) is var found && found is JinjaUndefined && call.Named.ContainsKey("default") ? fallback : found)]);
        }

        string filter = call.Text(0, "filter");
        return new JinjaList([.. items.Select(item => call.Machine.ApplyFilter(filter, item, Rest(call, filter, 1)))]);
    }

    private static object Select(object? value, JinjaCall call, bool keeps, bool byAttribute)
    {
        int test = byAttribute ? 1 : 0;
        var get = byAttribute ? Getter(call.Required(0, "attribute"), call) : item => item;
        Func<object?, bool> holds = JinjaValue.IsTrue;
        if (call.Positional.Count > test)
        {
            string name = call.Text(test, "test");
            holds = item => call.Machine.ApplyTest(name, item, Rest(call, name, test + 1));
        }

        return new JinjaList([.. Items(value, call).Where(item => holds(get(item)) == keeps)]);
    }

    private static object Join(object? value, JinjaCall call)
    {
        call.Accept("d", "attribute");
        var get = Getter(call.Argument(1, "attribute"), call);
        string[] texts = [.. Items(value, call).Select(item => PythonFormat.Text(get(item)))];
        string separator = PythonFormat.Text(call.Argument(0, "d", ""));
        call.Machine.Spend(texts.Sum(text => (long)text.Length) + ((long)separator.Length * texts.Length), call.Position);
        return string.Join(separator, texts);
    }

    private static object Sort(object? value, JinjaCall call)
    {
        call.Accept("reverse", "case_sensitive", "attribute");
        bool exact = call.Flag(1, "case_sensitive", false);
        Func<object?, object?>[] keys = call.Argument(2, "attribute") is string several ? [.. several.Split(',').Select(path => Getter(path, call))] : [Getter(call.Argument(2, "attribute"), call)];
        var items = Items(value, call).Select(item => (Item: item, Key: keys.Length == 1 ? Fold(keys[0](item), exact) : new JinjaList([.. keys.Select(key => Fold(key(item), exact))], isTuple: true)));
        return Ordered(items, call, call.Flag(0, "reverse", false));
    }

    private static object DictSort(object? value, JinjaCall call)
    {
        call.Accept("case_sensitive", "by", "reverse");
        if (value is not JinjaDict dict) { throw call.Error($"needs a dict, not {JinjaValue.TypeName(value)}"); }
        bool exact = call.Flag(0, "case_sensitive", false), byKey = (call.OptionalText(1, "by") ?? "key") == "key";
        return Ordered(dict.Items.Select(entry => ((object?)JinjaValue.Tuple(entry.Key, entry.Value), Fold(byKey ? entry.Key : entry.Value, exact))), call, call.Flag(2, "reverse", false));
    }

    /// <summary>A stable sort, also when reversed, as Python's.</summary>
    private static JinjaList Ordered(IEnumerable<(object? Item, object? Key)> items, JinjaCall call, bool reverse)
    {
        var comparer = Comparer<object?>.Create((a, b) => JinjaCompare.Order(a, b) ?? throw new FormatException($"{JinjaArithmetic.Describe(a)} and {JinjaArithmetic.Describe(b)} have no order"));
        var list = items.ToList();
        call.Machine.Spend(list.Count * 8L, call.Position);
        try { return new JinjaList([.. (reverse ? list.OrderByDescending(pair => pair.Key, comparer) : list.OrderBy(pair => pair.Key, comparer)).Select(pair => pair.Item)]); }
        catch (InvalidOperationException failure) when (failure.InnerException is FormatException cause) { throw call.Error($"fails: {cause.Message}"); }
    }

    private static object? Extreme(object? value, JinjaCall call, int sign)
    {
        call.Accept("case_sensitive", "attribute");
        var get = Getter(call.Argument(1, "attribute"), call);
        bool exact = call.Flag(0, "case_sensitive", false), any = false;
        object? best = new JinjaUndefined("the list is empty"), bestKey = null;
        foreach (object? item in Items(value, call))
        {
            object? key = Fold(get(item), exact);
            if (any && (JinjaCompare.Order(key, bestKey) ?? throw call.Error($"cannot compare {JinjaArithmetic.Describe(key)} with {JinjaArithmetic.Describe(bestKey)}")) * sign <= 0) { continue; }
            (best, bestKey, any) = (item, key, true);
        }

        return best;
    }

    private static object Unique(object? value, JinjaCall call)
    {
        call.Accept("case_sensitive", "attribute");
        var get = Getter(call.Argument(1, "attribute"), call);
        bool exact = call.Flag(0, "case_sensitive", false), sawNone = false;
        var seen = new HashSet<object>(JinjaKeys.Instance);
        return new JinjaList([.. Items(value, call).Where(item => Fold(get(item), exact) switch
        {
            null => !sawNone && (sawNone = true),
            var key => seen.Add(JinjaValue.Key(key) ?? throw call.Error($"needs texts or numbers, not {JinjaValue.TypeName(key)}")),
        })]);
    }

    private static object? Sum(object? value, JinjaCall call)
    {
        call.Accept("attribute", "start");
        var get = Getter(call.Argument(0, "attribute"), call);
        var budget = new JinjaBudget(JinjaBudget.MaxOutput);
        return Items(value, call).Aggregate(call.Argument(1, "start", 0L), (sum, item) => JinjaArithmetic.Apply("+", sum, get(item), call.Position, budget));
    }

    private static object Batch(object? value, JinjaCall call)
    {
        call.Accept("linecount", "fill_with");
        long size = call.Whole(0, "linecount", 0);
        if (size is < 1 or > JinjaMachine.MaxRange) { throw call.Error($"needs a size from 1 to {JinjaMachine.MaxRange}"); }
        object? fill = call.Argument(1, "fill_with");
        return new JinjaList([.. Items(value, call).Chunk((int)size).Select(chunk => (object?)new JinjaList(fill is null ? chunk : [.. chunk, .. Enumerable.Repeat(fill, (int)size - chunk.Length)]))]);
    }

    private static object? Fold(object? value, bool exact) => !exact && value is string text ? JinjaTexts.Lower(text) : value;
}
