using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Tokens to nodes: expressions, from the loosest operator to the tightest.</summary>
internal sealed partial class JinjaParser
{
    /// <summary>An expression, or several with commas between them, which are a tuple.</summary>
    private JinjaExpression TupleOrExpression(bool conditional = true, bool emptyAllowed = false)
    {
        int position = Current.Position;
        var items = new List<JinjaExpression>();
        bool isTuple = false;
        while (!AtTupleEnd())
        {
            items.Add(conditional ? Expression() : Or());
            if (!TakeOperator(",")) { break; }
            isTuple = true;
        }

        if (!isTuple && items.Count == 1) { return items[0]; }
        if (items.Count == 0 && !emptyAllowed) { throw Unexpected(Current, "an expression"); }
        return new ListExpression(position, items, IsTuple: true);
    }

    private bool AtTupleEnd() => Current.Kind is JinjaTokenKind.VariableEnd or JinjaTokenKind.BlockEnd or JinjaTokenKind.End || IsOperator(")");

    private JinjaExpression Expression()
    {
        using var level = Deeper(Current.Position);
        var value = Or();
        while (Current.Is(JinjaTokenKind.Name, "if"))
        {
            int position = Take().Position;
            var condition = Or();
            value = new ConditionalExpression(position, condition, value, TakeName("else") ? Expression() : null);
        }

        return value;
    }

    private JinjaExpression Or() => Chain(And, "or");

    private JinjaExpression And() => Chain(Not, "and");

    private JinjaExpression Chain(Func<JinjaExpression> next, string word)
    {
        var left = next();
        while (Current.Is(JinjaTokenKind.Name, word)) { left = new BinaryExpression(Take().Position, word, left, next()); }
        return left;
    }

    private JinjaExpression Not()
    {
        if (!Current.Is(JinjaTokenKind.Name, "not")) { return Compare(); }
        using var level = Deeper(Current.Position);
        return new UnaryExpression(Take().Position, "not", Not());
    }

    private JinjaExpression Compare()
    {
        var first = Sum();
        var rest = new List<(string, JinjaExpression)>();
        int position = Current.Position;
        while (true)
        {
            if (Current is { Kind: JinjaTokenKind.Operator, Text: "==" or "!=" or "<" or "<=" or ">" or ">=" }) { rest.Add((Take().Text, Sum())); }
            else if (TakeName("in")) { rest.Add(("in", Sum())); }
            else if (Current.Is(JinjaTokenKind.Name, "not") && _tokens[_next + 1].Is(JinjaTokenKind.Name, "in"))
            {
                _next += 2;
                rest.Add(("not in", Sum()));
            }
            else { return rest.Count == 0 ? first : new CompareExpression(position, first, rest); }
        }
    }

    private JinjaExpression Sum() => Operators(Concat, "+", "-");

    private JinjaExpression Concat()
    {
        var first = Product();
        if (!IsOperator("~")) { return first; }
        int position = Current.Position;
        List<JinjaExpression> parts = [first];
        while (TakeOperator("~")) { parts.Add(Product()); }
        return new ConcatExpression(position, parts);
    }

    private JinjaExpression Product() => Operators(Power, "*", "/", "//", "%");

    // Unlike in Python, powers group from the left and bind looser than a sign.
    private JinjaExpression Power() => Operators(() => Unary(), "**");

    private JinjaExpression Operators(Func<JinjaExpression> next, params string[] operators)
    {
        var left = next();
        while (Current.Kind == JinjaTokenKind.Operator && Array.IndexOf(operators, Current.Text) >= 0)
        {
            var sign = Take();
            left = new BinaryExpression(sign.Position, sign.Text, left, next());
        }

        return left;
    }

    private JinjaExpression Unary(bool filters = true)
    {
        using var level = Deeper(Current.Position);
        JinjaExpression value;
        if (IsOperator("-") || IsOperator("+"))
        {
            var sign = Take();
            value = new UnaryExpression(sign.Position, sign.Text, Unary(filters: false));
        }
        else { value = Primary(); }

        value = Postfix(value);
        if (!filters) { return value; }
        while (true)
        {
            if (IsOperator("|")) { value = Filters(value, inline: false); }
            else if (Current.Is(JinjaTokenKind.Name, "is")) { value = Test(value); }
            else if (IsOperator("(")) { value = Call(value); }
            else { return value; }
        }
    }

    private JinjaExpression Primary()
    {
        var token = Take();
        switch (token.Kind)
        {
            case JinjaTokenKind.Name:
                return token.Text switch
                {
                    "true" or "True" => new ConstantExpression(token.Position, true),
                    "false" or "False" => new ConstantExpression(token.Position, false),
                    "none" or "None" => new ConstantExpression(token.Position, null),
                    _ => new NameExpression(token.Position, token.Text),
                };
            case JinjaTokenKind.String:
                if (Current.Kind != JinjaTokenKind.String) { return new ConstantExpression(token.Position, token.Text); }
                var joined = new StringBuilder(token.Text);
                while (Current.Kind == JinjaTokenKind.String) { joined.Append(Take().Text); }
                return new ConstantExpression(token.Position, joined.ToString());
            case JinjaTokenKind.Integer: return new ConstantExpression(token.Position, Integer(token));
            case JinjaTokenKind.Float: return new ConstantExpression(token.Position, double.Parse(token.Text, CultureInfo.InvariantCulture));
            case JinjaTokenKind.Operator when token.Text == "(":
            {
                var value = TupleOrExpression(emptyAllowed: true);
                ExpectOperator(")");
                return value;
            }

            case JinjaTokenKind.Operator when token.Text == "[": return List(token);
            case JinjaTokenKind.Operator when token.Text == "{": return Dict(token);
            default: throw Unexpected(token, "a value");
        }
    }

    private static long Integer(JinjaToken token) => token.Text.Length <= 19 && long.TryParse(token.Text, NumberStyles.None, CultureInfo.InvariantCulture, out long value)
        ? value : throw new JinjaException($"the number {token.Shown} is beyond 64 bits", token.Position);

    private ListExpression List(JinjaToken open)
    {
        var items = new List<JinjaExpression>();
        while (!TakeOperator("]"))
        {
            if (items.Count > 0) { ExpectOperator(","); }
            if (TakeOperator("]")) { break; }
            items.Add(Expression());
        }

        return new ListExpression(open.Position, items, IsTuple: false);
    }

    private DictExpression Dict(JinjaToken open)
    {
        var items = new List<(JinjaExpression, JinjaExpression)>();
        while (!TakeOperator("}"))
        {
            if (items.Count > 0) { ExpectOperator(","); }
            if (TakeOperator("}")) { break; }
            var key = Expression();
            ExpectOperator(":");
            items.Add((key, Expression()));
        }

        return new DictExpression(open.Position, items);
    }

    private JinjaExpression Postfix(JinjaExpression value)
    {
        while (true)
        {
            int position = Current.Position;
            if (TakeOperator("."))
            {
                var token = Take();
                value = token.Kind switch
                {
                    JinjaTokenKind.Name => new AttributeExpression(position, value, token.Text),
                    JinjaTokenKind.Integer => new ItemExpression(position, value, new ConstantExpression(token.Position, Integer(token))),
                    _ => throw Unexpected(token, "a name or a number"),
                };
            }
            else if (TakeOperator("[")) { value = Subscript(value, position); }
            else if (IsOperator("(")) { value = Call(value); }
            else { return value; }
        }
    }

    private JinjaExpression Subscript(JinjaExpression owner, int position)
    {
        var bounds = new JinjaExpression?[3];
        int colons = 0;
        while (!TakeOperator("]"))
        {
            if (TakeOperator(":"))
            {
                if (++colons > 2) { throw new JinjaException("a slice has at most two ':'", position); }
            }
            else if (bounds[colons] is null && !IsOperator(",")) { bounds[colons] = Expression(); }
            else { throw Unexpected(Current, "']'"); }
        }

        if (colons > 0) { return new SliceExpression(position, owner, bounds[0], bounds[1], bounds[2]); }
        return new ItemExpression(position, owner, bounds[0] ?? throw new JinjaException("'[]' needs an index", position));
    }

    private CallExpression Call(JinjaExpression callee)
    {
        int position = Current.Position;
        return new CallExpression(position, callee, Arguments());
    }

    private JinjaArguments Arguments()
    {
        ExpectOperator("(");
        var positional = new List<JinjaExpression>();
        var named = new List<(string, JinjaExpression)>();
        JinjaExpression? spread = null, namedSpread = null;
        bool first = true;
        while (!TakeOperator(")"))
        {
            if (!first) { ExpectOperator(","); }
            if (TakeOperator(")")) { break; }
            first = false;
            int position = Current.Position;
            if (TakeOperator("**")) { namedSpread = namedSpread is null ? Expression() : throw new JinjaException("'**' stands twice", position); }
            else if (namedSpread is not null) { throw new JinjaException("an argument follows '**'", position); }
            else if (TakeOperator("*")) { spread = spread is null ? Expression() : throw new JinjaException("'*' stands twice", position); }
            else if (Current.Kind == JinjaTokenKind.Name && _tokens[_next + 1].Is(JinjaTokenKind.Operator, "="))
            {
                string name = Take().Text;
                _next++;
                named.Add((name, Expression()));
            }
            else if (named.Count > 0 || spread is not null) { throw new JinjaException("an argument without a name follows one with a name", position); }
            else { positional.Add(Expression()); }
        }

        return new JinjaArguments(positional, named, spread, namedSpread);
    }

    /// <summary>Filters in a row.</summary>
    /// <param name="inline">The first one has no '|' before it, as in <c>{% filter upper %}</c>.</param>
    private JinjaExpression Filters(JinjaExpression value, bool inline)
    {
        while (inline || TakeOperator("|"))
        {
            inline = false;
            var name = ExpectName("a filter's name");
            value = new FilterExpression(name.Position, value, name.Text, IsOperator("(") ? Arguments() : JinjaArguments.None);
        }

        return value;
    }

    private JinjaExpression Test(JinjaExpression value)
    {
        int position = Take().Position;
        bool negated = TakeName("not");
        var name = ExpectName("a test's name");
        var arguments = JinjaArguments.None;
        if (IsOperator("(")) { arguments = Arguments(); }
        else if (StartsTestArgument()) { arguments = new JinjaArguments([Postfix(Primary())], [], null, null); }
        JinjaExpression test = new TestExpression(name.Position, value, name.Text, arguments);
        return negated ? new UnaryExpression(position, "not", test) : test;
    }

    private bool StartsTestArgument() => Current switch
    {
        { Kind: JinjaTokenKind.String or JinjaTokenKind.Integer or JinjaTokenKind.Float } => true,
        { Kind: JinjaTokenKind.Operator, Text: "(" or "[" or "{" } => true,
        { Kind: JinjaTokenKind.Name, Text: "is" } => throw new JinjaException("tests cannot be chained; write 'x is a and x is b'", Current.Position),
        { Kind: JinjaTokenKind.Name } => Current.Text is not ("else" or "or" or "and" or "if" or "in" or "not" or "recursive"),
        _ => false,
    };
}
