using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Renders a parsed template: statements. Nothing in it reaches a file, the clock or a type of .NET.</summary>
internal sealed partial class JinjaMachine
{
    private enum Flow { Next, Break, Continue }

    private readonly JinjaBudget _budget;
    private readonly IReadOnlyDictionary<string, object?> _globals;
    private JinjaScope _scope;
    private StringBuilder _output = new();
    private string _captured = "";
    private int _outputBefore;

    private JinjaMachine(JinjaScope variables, IReadOnlyDictionary<string, object?> globals, JinjaBudget budget) => (_scope, _globals, _budget) = (new JinjaScope(variables), globals, budget);

    /// <summary>The text that a template makes of variables.</summary>
    /// <exception cref="JinjaException">The template raised an error, used a value wrongly, or cost too much.</exception>
    public static string Render(IReadOnlyList<JinjaNode> template, JinjaScope variables, IReadOnlyDictionary<string, object?> globals, JinjaBudget budget)
    {
        var machine = new JinjaMachine(variables, globals, budget);
        machine.Run(template);
        return machine._output.ToString();
    }

    private Flow Run(IReadOnlyList<JinjaNode> nodes)
    {
        foreach (var node in nodes)
        {
            _budget.Spend(1, node.Position);
            try
            {
                var flow = Run(node);
                if (flow != Flow.Next) { return flow; }
            }
            catch (FormatException failure) { throw new JinjaException(failure.Message, node.Position); }
        }

        return Flow.Next;
    }

    private Flow Run(JinjaNode node)
    {
        switch (node)
        {
            case TextNode text: Write(text.Text, text.Position); break;
            case OutputNode output: Write(Text(Evaluate(output.Value), output.Position), output.Position); break;
            case IfNode branches:
                foreach (var (condition, body) in branches.Branches)
                {
                    if (condition is null || JinjaValue.IsTrue(Evaluate(condition))) { return Nested(body, node.Position); }
                }

                break;
            case ForNode loop: RunLoop(loop, Evaluate(loop.Items), 0); break;
            case SetNode set: Assign(set.Target, Evaluate(set.Value)); break;
            case SetBlockNode set:
                _captured = Inside(new JinjaScope(_scope), () => Run(set.Body), node.Position);
                Assign(set.Target, set.Filtered is null ? _captured : Evaluate(set.Filtered));
                break;
            case FilterBlockNode filter:
                _captured = Inside(new JinjaScope(_scope), () => Run(filter.Body), node.Position);
                Write(Text(Evaluate(filter.Filtered), node.Position), node.Position);
                break;
            case WithNode with:
                var scope = new JinjaScope(_scope);
                var values = with.Values.Select(entry => (entry.Target, Value: Evaluate(entry.Value))).ToList();
                return InScope(scope, () =>
                {
                    foreach (var (target, value) in values) { Assign(target, value); }
                    return Nested(with.Body, node.Position);
                });
            case MacroNode macro: _scope[macro.Name] = Function(macro, _scope); break;
            case CallBlockNode call: Write(Text(Call(call.Call, caller: Function(call.Caller, _scope)), node.Position), node.Position); break;
            case GroupNode group: return Nested(group.Body, node.Position);
            case LoopControlNode control: return control.Breaks ? Flow.Break : Flow.Continue;
            default: throw new JinjaException("this statement is not supported", node.Position);
        }

        return Flow.Next;
    }

    private Flow Nested(IReadOnlyList<JinjaNode> body, int position)
    {
        _budget.Enter(position);
        var flow = Run(body);
        _budget.Leave();
        return flow;
    }

    private void RunLoop(ForNode node, object? source, int depth)
    {
        var items = Items(source, node.Position);
        if (node.Filter is { } filter)
        {
            items = [.. items.Where(item => InScope(new JinjaScope(_scope), () =>
            {
                Assign(node.Target, item);
                return JinjaValue.IsTrue(Evaluate(filter));
            }))];
        }

        if (items.Count == 0)
        {
            InScope(new JinjaScope(_scope), () => Nested(node.Else, node.Position));
            return;
        }

        var outer = _scope;
        var loop = new JinjaLoop(items, depth);
        // The variable is an object with attributes; in a recursive loop it is called as well.
        object? variable = node.Recursive ? new RecursiveLoop(loop, new JinjaFunction("loop", call => Inside(outer, () => RunLoop(node, call.Required(0, "items"), depth + 1), call.Position))) : loop;
        for (int i = 0; i < items.Count; i++)
        {
            _budget.Spend(1, node.Position);
            loop.Index = i;
            var pass = new JinjaScope(outer) { ["loop"] = variable };
            var flow = InScope(pass, () =>
            {
                Assign(node.Target, items[i]);
                return Nested(node.Body, node.Position);
            });
            if (flow == Flow.Break) { break; }
        }
    }

    private JinjaFunction Function(MacroNode macro, JinjaScope around) => new(macro.Name, call =>
    {
        var scope = new JinjaScope(around);
        if (call.Positional.Count > macro.Parameters.Count && !macro.TakesMore) { throw call.Error($"takes at most {macro.Parameters.Count} arguments, not {call.Positional.Count}"); }
        scope["varargs"] = new JinjaList([.. call.Positional.Skip(macro.Parameters.Count)], isTuple: true);
        var more = new JinjaDict();
        foreach (var (given, value) in call.Named.Where(given => given.Key != "caller" && !macro.Parameters.Any(parameter => parameter.Name == given.Key)))
        {
            more.Items[given] = macro.TakesMoreNamed ? value : throw call.Error($"has no parameter '{given}'");
        }

        scope["kwargs"] = more;
        if (call.Named.TryGetValue("caller", out object? caller)) { scope["caller"] = caller; }
        return Inside(scope, () =>
        {
            for (int i = 0; i < macro.Parameters.Count; i++)
            {
                var (name, fallback) = macro.Parameters[i];
                scope[name] = i < call.Positional.Count ? call.Positional[i]
                    : call.Named.TryGetValue(name, out object? value) ? value
                    : fallback is not null ? Evaluate(fallback)
                    : new JinjaUndefined($"parameter '{name}' was not provided");
            }

            Nested(macro.Body, macro.Position);
        }, call.Position);
    });

    /// <summary>What an action writes, with variables of its own.</summary>
    private string Inside(JinjaScope scope, Action action, int position)
    {
        var (outer, output) = (_scope, _output);
        _outputBefore += output.Length;
        (_scope, _output) = (scope, new StringBuilder());
        _budget.Enter(position);
        action();
        _budget.Leave();
        string text = _output.ToString();
        (_scope, _output) = (outer, output);
        _outputBefore -= output.Length;
        return text;
    }

    private T InScope<T>(JinjaScope scope, Func<T> action)
    {
        var outer = _scope;
        _scope = scope;
        var result = action();
        _scope = outer;
        return result;
    }

    private void Assign(JinjaTarget target, object? value)
    {
        if (target.Parts is { } parts)
        {
            var items = Items(value, target.Position);
            if (items.Count != parts.Count) { throw new JinjaException($"{parts.Count} names are assigned from {items.Count} values", target.Position); }
            for (int i = 0; i < parts.Count; i++) { Assign(parts[i], items[i]); }
        }
        else if (target.Attribute is { } attribute)
        {
            if (!_scope.TryFind(target.Name, out object? owner) || owner is not JinjaNamespace names) { throw new JinjaException($"'{target.Name}.{attribute}' cannot be set, since '{target.Name}' is no namespace", target.Position); }
            names.Items[attribute] = value;
        }
        else { _scope[target.Name] = value; }
    }

    private void Write(string text, int position)
    {
        _budget.Spend(text.Length, position);
        if (_outputBefore + (long)_output.Length + text.Length > JinjaBudget.MaxOutput) { throw new JinjaException($"the template writes more than {JinjaBudget.MaxOutput} characters", position); }
        _output.Append(text);
    }

    internal sealed record RecursiveLoop(JinjaLoop Loop, JinjaFunction Function);
}
