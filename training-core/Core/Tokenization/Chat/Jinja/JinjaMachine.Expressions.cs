using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Renders a parsed template: expressions.</summary>
internal sealed partial class JinjaMachine
{
    /// <summary>Longest single list that an expression makes; the limit of Jinja's sandbox for range.</summary>
    public const int MaxRange = 100_000;

    private object? Evaluate(JinjaExpression expression)
    {
        _budget.Spend(1, expression.Position);
        _budget.Enter(expression.Position);
        object? value = EvaluateNode(expression);
        _budget.Leave();
        return value;
    }

    private object? EvaluateNode(JinjaExpression expression)
    {
        switch (expression)
        {
            case ConstantExpression constant: return constant.Value;
            case CapturedText: return _captured;
            case NameExpression name: return Find(name.Name);
            case ListExpression list: return new JinjaList([.. list.Items.Select(Evaluate)], list.IsTuple);
            case DictExpression dict: return Dict(dict);
            case AttributeExpression attribute: return JinjaAttributes.Attribute(Evaluate(attribute.Owner), attribute.Name, attribute.Position);
            case ItemExpression item:
                object? owner = Evaluate(item.Owner);
                if (owner is string text) { _budget.Spend(text.Length / 8, item.Position); }
                return JinjaAttributes.Item(owner, Evaluate(item.Key), item.Position);
            case SliceExpression slice: return Slice(slice);
            case CallExpression call: return Call(call, caller: null);
            case FilterExpression filter: return ApplyFilter(filter.Name, Evaluate(filter.Value), Arguments(filter.Name, filter.Position, filter.Arguments));
            case TestExpression test: return ApplyTest(test.Name, Evaluate(test.Value), Arguments(test.Name, test.Position, test.Arguments));
            case UnaryExpression { Operator: "not" } negation: return !JinjaValue.IsTrue(Evaluate(negation.Value));
            case UnaryExpression sign: return JinjaArithmetic.Sign(sign.Operator, Evaluate(sign.Value), sign.Position);
            case BinaryExpression { Operator: "and" or "or" } logical:
                object? left = Evaluate(logical.Left);
                return JinjaValue.IsTrue(left) == (logical.Operator == "or") ? left : Evaluate(logical.Right);
            case BinaryExpression binary: return JinjaArithmetic.Apply(binary.Operator, Evaluate(binary.Left), Evaluate(binary.Right), binary.Position, _budget);
            case ConcatExpression concat: return Concat(concat);
            case CompareExpression compare: return Compare(compare);
            case ConditionalExpression conditional:
                if (JinjaValue.IsTrue(Evaluate(conditional.Condition))) { return Evaluate(conditional.Then); }
                return conditional.Else is null ? new JinjaUndefined("the inline if has no else and its condition is false") : Evaluate(conditional.Else);
            default: throw new JinjaException("this expression is not supported", expression.Position);
        }
    }

    private object? Find(string name) =>
        _scope.TryFind(name, out object? value) || _globals.TryGetValue(name, out value) ? value : new JinjaUndefined($"'{name}' is undefined");

    private JinjaDict Dict(DictExpression expression)
    {
        var dict = new JinjaDict();
        foreach (var (key, value) in expression.Items)
        {
            object? at = Evaluate(key);
            dict.Items[JinjaValue.Key(at) ?? throw new JinjaException($"a {JinjaValue.TypeName(at)} cannot be a key", key.Position)] = Evaluate(value);
        }

        return dict;
    }

    private string Concat(ConcatExpression concat)
    {
        var text = new StringBuilder();
        foreach (var part in concat.Parts)
        {
            string piece = Text(Evaluate(part), part.Position);
            _budget.Spend(piece.Length, part.Position);
            text.Append(piece);
        }

        return text.ToString();
    }

    private object Compare(CompareExpression compare)
    {
        object? left = Evaluate(compare.First);
        foreach (var (sign, operand) in compare.Rest)
        {
            object? right = Evaluate(operand);
            if (left is string shorter && right is string longer) { _budget.Spend((sign is "in" or "not in" ? longer.Length : Math.Min(shorter.Length, longer.Length)) / 16, compare.Position); }
            bool holds;
            switch (sign)
            {
                case "==": holds = JinjaCompare.AreEqual(left, right); break;
                case "!=": holds = !JinjaCompare.AreEqual(left, right); break;
                case "in" or "not in":
                    if (right is JinjaList list) { _budget.Spend(list.Items.Count, compare.Position); }
                    bool contains = JinjaCompare.Contains(right, left)
                        ?? throw new JinjaException($"'{sign}' cannot look for {Describe(left)} in {Describe(right)}", compare.Position);
                    holds = contains == (sign == "in");
                    break;
                default:
                    int order = JinjaCompare.Order(left, right) ?? throw new JinjaException($"'{sign}' cannot compare {Describe(left)} with {Describe(right)}", compare.Position);
                    holds = sign switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
                    break;
            }

            if (!holds) { return false; }
            left = right;
        }

        return true;
    }

    private object? Slice(SliceExpression slice)
    {
        object? owner = Evaluate(slice.Owner);
        long? Bound(JinjaExpression? bound) => bound is null || Evaluate(bound) is not { } value ? null
            : JinjaValue.Whole(value) ?? throw new JinjaException($"a slice's bound is {Describe(value)}; expected is a whole number", slice.Position);
        var (start, stop, step) = (Bound(slice.Start), Bound(slice.Stop), Bound(slice.Step));
        if (owner is string text) { _budget.Spend(text.Length, slice.Position); }
        return JinjaAttributes.Slice(owner, start, stop, step, slice.Position);
    }

    private object? Call(CallExpression expression, JinjaFunction? caller)
    {
        object? callee = Evaluate(expression.Callee);
        var function = callee switch
        {
            JinjaFunction known => known,
            RecursiveLoop loop => loop.Function,
            JinjaUndefined undefined => throw new JinjaException($"{undefined.Why}, so it cannot be called", expression.Position),
            _ => throw new JinjaException($"{Describe(callee)} cannot be called", expression.Position),
        };
        var call = Arguments(function.Name, expression.Position, expression.Arguments);
        if (caller is not null) { call.Named["caller"] = caller; }
        return Invoke(function.Invoke, call);
    }

    private JinjaCall Arguments(string name, int position, JinjaArguments arguments)
    {
        List<object?> positional = [.. arguments.Positional.Select(Evaluate)];
        if (arguments.Spread is { } spread) { positional.AddRange(Items(Evaluate(spread), position)); }
        var named = new OrderedDictionary<string, object?>(StringComparer.Ordinal);
        foreach (var (argument, value) in arguments.Named) { named[argument] = Evaluate(value); }
        if (arguments.NamedSpread is { } namedSpread)
        {
            if (Evaluate(namedSpread) is not JinjaDict dict) { throw new JinjaException("'**' needs a dict", position); }
            foreach (var (key, value) in dict.Items) { named[key as string ?? throw new JinjaException("'**' needs a dict with texts as keys", position)] = value; }
        }

        return new JinjaCall(this, name, position, positional, named);
    }

    private static object? Invoke(Func<JinjaCall, object?> function, JinjaCall call)
    {
        try { return function(call); }
        catch (FormatException failure) { throw call.Error($"fails: {failure.Message}"); }
    }

    /// <summary>Applies a filter to a value that is not among the call's arguments.</summary>
    public object? ApplyFilter(string name, object? value, JinjaCall call)
    {
        var filter = JinjaFilters.Find(name) ?? throw new JinjaException($"there is no filter '{name}'; supported are: {JinjaFilters.Names}", call.Position);
        _budget.Spend(Size(value), call.Position);
        return Invoke(c => filter(value, c), call);
    }

    public bool ApplyTest(string name, object? value, JinjaCall call)
    {
        _budget.Spend(1, call.Position);
        var test = JinjaTests.Find(name) ?? throw new JinjaException($"there is no test '{name}'; supported are: {JinjaTests.Names}", call.Position);
        return (bool)Invoke(c => test(value, c), call)!;
    }

    /// <summary>What a loop over a value visits.</summary>
    public List<object?> Items(object? value, int position)
    {
        List<object?> items = value switch
        {
            JinjaList list => [.. list.Items],
            JinjaDict dict => [.. dict.Items.Keys],
            string text => JinjaValue.Characters(text),
            JinjaUndefined => [],
            _ => throw new JinjaException($"{Describe(value)} cannot be iterated over", position),
        };
        _budget.Spend(items.Count, position);
        return items;
    }

    public void Spend(long cost, int position) => _budget.Spend(cost, position);

    private string Text(object? value, int position)
    {
        try
        {
            _budget.Spend(Size(value), position);
            return PythonFormat.Text(value);
        }
        catch (FormatException failure) { throw new JinjaException(failure.Message, position); }
    }

    /// <summary>Elements of a value that a pass over it sees; deeper levels are bounded by what made them.</summary>
    private static long Size(object? value) => value switch { string text => text.Length / 4, JinjaList list => list.Items.Count, JinjaDict dict => dict.Items.Count, _ => 0 };

    private static string Describe(object? value) => JinjaArithmetic.Describe(value);
}
