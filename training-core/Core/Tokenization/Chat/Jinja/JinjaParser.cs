namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Tokens to nodes: statements. Source of the grammar: Jinja 3.1, parser.py.</summary>
internal sealed partial class JinjaParser
{
    /// <summary>Deepest nesting of blocks and expressions, together.</summary>
    private const int MaxDepth = 100;

    private readonly List<JinjaToken> _tokens;
    private int _next;
    private int _depth;
    private int _loops;

    private JinjaParser(List<JinjaToken> tokens) => _tokens = tokens;

    private JinjaToken Current => _tokens[_next];

    /// <exception cref="JinjaException">The template is malformed or uses something that is not supported.</exception>
    public static IReadOnlyList<JinjaNode> Parse(string source)
    {
        var parser = new JinjaParser(JinjaLexer.Read(source));
        var body = parser.Body(out var end);
        return end is null ? body : throw new JinjaException($"'{{% {end.Value.Text} %}}' has nothing to end", end.Value.Position);
    }

    /// <summary>Statements up to one of the words that end a block, whose name is consumed; null: the template's end.</summary>
    private List<JinjaNode> Body(out JinjaToken? end, params string[] ends)
    {
        using var level = Deeper(Current.Position);
        var nodes = new List<JinjaNode>();
        while (true)
        {
            var token = Take();
            switch (token.Kind)
            {
                case JinjaTokenKind.Text: nodes.Add(new TextNode(token.Position, token.Text)); break;
                case JinjaTokenKind.VariableBegin:
                    nodes.Add(new OutputNode(token.Position, TupleOrExpression()));
                    Expect(JinjaTokenKind.VariableEnd, "'}}'");
                    break;
                case JinjaTokenKind.BlockBegin:
                    var word = ExpectName("a statement such as if, for or set");
                    if (Array.IndexOf(ends, word.Text) >= 0 || word.Text.StartsWith("end", StringComparison.Ordinal) || word.Text is "else" or "elif")
                    {
                        end = word;
                        return Array.IndexOf(ends, word.Text) >= 0 || ends.Length == 0 ? nodes
                            : throw new JinjaException($"'{{% {word.Text} %}}' is out of place; expected is {string.Join(" or ", ends)}", word.Position);
                    }

                    nodes.Add(Statement(word));
                    break;
                case JinjaTokenKind.End:
                    end = null;
                    return nodes;
                default: throw Unexpected(token, "text or a delimiter");
            }
        }
    }

    /// <summary>Statements up to a word that must come.</summary>
    private List<JinjaNode> BodyTo(JinjaToken opening, out string ended, params string[] ends)
    {
        var body = Body(out var end, ends);
        ended = end?.Text ?? throw new JinjaException($"'{{% {opening.Text} %}}' has no '{{% {ends[^1]} %}}'", opening.Position);
        return body;
    }

    private JinjaNode Statement(JinjaToken word)
    {
        switch (word.Text)
        {
            case "if": return If(word);
            case "for": return For(word);
            case "set": return Set(word);
            case "macro": return Macro(word);
            case "call": return CallBlock(word);
            case "filter":
            {
                var filtered = Filters(new CapturedText(Current.Position), inline: true);
                EndBlock();
                var body = BodyTo(word, out _, "endfilter");
                EndBlock();
                return new FilterBlockNode(word.Position, filtered, body);
            }

            case "with": return With(word);
            case "generation":
            {
                EndBlock();
                var body = BodyTo(word, out _, "endgeneration");
                EndBlock();
                return new GroupNode(word.Position, body);
            }

            case "break" or "continue":
                if (_loops == 0) { throw new JinjaException($"'{{% {word.Text} %}}' stands outside of a loop", word.Position); }
                EndBlock();
                return new LoopControlNode(word.Position, word.Text == "break");
            default:
                throw new JinjaException($"the statement '{word.Text}' is not supported; supported are: if, for, set, macro, call, filter, with, raw, break, continue, generation", word.Position);
        }
    }

    private IfNode If(JinjaToken word)
    {
        var branches = new List<(JinjaExpression?, IReadOnlyList<JinjaNode>)>();
        JinjaExpression? condition = TupleOrExpression();
        while (true)
        {
            EndBlock();
            string[] ends = condition is null ? ["endif"] : ["elif", "else", "endif"];
            branches.Add((condition, BodyTo(word, out string end, ends)));
            if (end == "endif")
            {
                EndBlock();
                return new IfNode(word.Position, branches);
            }

            condition = end == "elif" ? TupleOrExpression() : null;
        }
    }

    private ForNode For(JinjaToken word)
    {
        var target = Target(attributes: false);
        if (!TakeName("in")) { throw Unexpected(Current, "'in'"); }
        // Without a conditional, so that 'if' begins the loop's filter.
        var items = TupleOrExpression(conditional: false);
        var filter = TakeName("if") ? Expression() : null;
        bool recursive = TakeName("recursive");
        EndBlock();
        _loops++;
        var body = BodyTo(word, out string end, "else", "endfor");
        _loops--;
        List<JinjaNode> otherwise = [];
        EndBlock();
        if (end == "else")
        {
            otherwise = BodyTo(word, out _, "endfor");
            EndBlock();
        }

        return new ForNode(word.Position, target, items, filter, recursive, body, otherwise);
    }

    private JinjaNode Set(JinjaToken word)
    {
        var target = Target(attributes: true);
        if (TakeOperator("="))
        {
            var value = TupleOrExpression();
            EndBlock();
            return new SetNode(word.Position, target, value);
        }

        var filtered = IsOperator("|") ? Filters(new CapturedText(Current.Position), inline: false) : null;
        EndBlock();
        var body = BodyTo(word, out _, "endset");
        EndBlock();
        return new SetBlockNode(word.Position, target, filtered, body);
    }

    private WithNode With(JinjaToken word)
    {
        var values = new List<(JinjaTarget, JinjaExpression)>();
        while (Current.Kind != JinjaTokenKind.BlockEnd)
        {
            if (values.Count > 0) { ExpectOperator(","); }
            var target = Target(attributes: false, single: true);
            ExpectOperator("=");
            values.Add((target, Expression()));
        }

        EndBlock();
        var body = BodyTo(word, out _, "endwith");
        EndBlock();
        return new WithNode(word.Position, values, body);
    }

    private MacroNode Macro(JinjaToken word)
    {
        var name = ExpectName("the macro's name");
        var parameters = Signature();
        EndBlock();
        return Function(word, name.Text, parameters, "endmacro");
    }

    private CallBlockNode CallBlock(JinjaToken word)
    {
        var parameters = IsOperator("(") ? Signature() : [];
        var called = Expression() as CallExpression ?? throw new JinjaException("'{% call %}' needs a call such as name(arguments)", word.Position);
        EndBlock();
        return new CallBlockNode(word.Position, Function(word, "caller", parameters, "endcall"), called);
    }

    /// <summary>A function from its body on. Break and continue do not reach out of it, and it takes further arguments only if it names them.</summary>
    private MacroNode Function(JinjaToken word, string name, List<(string, JinjaExpression?)> parameters, string end)
    {
        (int loops, _loops) = (_loops, 0);
        int from = _next;
        var body = BodyTo(word, out _, end);
        _loops = loops;
        EndBlock();
        bool Mentions(string variable) => _tokens.FindIndex(from, _next - from, token => token.Is(JinjaTokenKind.Name, variable)) >= 0;
        return new MacroNode(word.Position, name, parameters, body, Mentions("varargs"), Mentions("kwargs"));
    }

    private List<(string, JinjaExpression?)> Signature()
    {
        ExpectOperator("(");
        var parameters = new List<(string Name, JinjaExpression? Default)>();
        while (!TakeOperator(")"))
        {
            if (parameters.Count > 0) { ExpectOperator(","); }
            var name = ExpectName("a parameter");
            var fallback = TakeOperator("=") ? Expression() : null;
            if (fallback is null && parameters.Count > 0 && parameters[^1].Default is not null) { throw new JinjaException("a parameter without a default follows one with a default", name.Position); }
            parameters.Add((name.Text, fallback));
        }

        return parameters;
    }

    private JinjaTarget Target(bool attributes, bool single = false)
    {
        var first = OneTarget(attributes);
        if (single || !IsOperator(",")) { return first; }
        List<JinjaTarget> parts = [first];
        while (TakeOperator(",") && ((Current.Kind == JinjaTokenKind.Name && Current.Text != "in") || IsOperator("("))) { parts.Add(OneTarget(attributes)); }
        return new JinjaTarget(first.Position, "", null, parts);
    }

    private JinjaTarget OneTarget(bool attributes)
    {
        if (TakeOperator("("))
        {
            var inner = Target(attributes);
            ExpectOperator(")");
            return inner;
        }

        var name = ExpectName("a name to assign to");
        if (name.Text is "true" or "false" or "none" or "True" or "False" or "None") { throw new JinjaException($"'{name.Text}' cannot be assigned to", name.Position); }
        string? attribute = attributes && TakeOperator(".") ? ExpectName("an attribute of a namespace").Text : null;
        return new JinjaTarget(name.Position, name.Text, attribute, null);
    }

    private JinjaToken Take() => Current.Kind == JinjaTokenKind.End ? Current : _tokens[_next++];

    private void EndBlock() => Expect(JinjaTokenKind.BlockEnd, "'%}'");

    private void Expect(JinjaTokenKind kind, string expected)
    {
        if (Current.Kind != kind) { throw Unexpected(Current, expected); }
        _next++;
    }

    private JinjaToken ExpectName(string expected) => Current.Kind == JinjaTokenKind.Name ? Take() : throw Unexpected(Current, expected);

    private void ExpectOperator(string text)
    {
        if (!TakeOperator(text)) { throw Unexpected(Current, $"'{text}'"); }
    }

    private bool IsOperator(string text) => Current.Is(JinjaTokenKind.Operator, text);

    private bool TakeOperator(string text) => Skip(IsOperator(text));

    private bool TakeName(string text) => Skip(Current.Is(JinjaTokenKind.Name, text));

    private bool Skip(bool when)
    {
        if (when) { _next++; }
        return when;
    }

    private static JinjaException Unexpected(JinjaToken token, string expected) => new($"{token.Shown} is unexpected; expected is {expected}", token.Position);

    private Level Deeper(int position) => ++_depth <= MaxDepth ? new Level(this) : throw new JinjaException($"blocks and brackets are nested more than {MaxDepth} deep", position);

    private readonly struct Level(JinjaParser parser) : IDisposable
    {
        public void Dispose() => parser._depth--;
    }
}
