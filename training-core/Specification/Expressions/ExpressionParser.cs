namespace Ctwa.Training.Specification;

/// <summary>
/// Recursive descent over: <c>if a then b else c</c>; or; and; not; one comparison; + and -; * and /; sign; ^ (to the right);
/// numbers, features, functions, parentheses.
/// </summary>
internal sealed class ExpressionParser(string text)
{
    private const int MaxDepth = 200;
    private static readonly string[] words = ["if", "then", "else", "and", "or", "not"];
    private readonly ExpressionLexer _lexer = new(text);
    private ExpressionToken _token;
    private int _depth;

    internal static FormatException Failure(int column, string message) => new(FormattableString.Invariant($"column {column}: {message}."));

    public ExpressionNode Parse()
    {
        if (text.Length > RewardExpression.MaxLength) { throw Failure(RewardExpression.MaxLength + 1, FormattableString.Invariant($"the formula has {text.Length} characters; at most {RewardExpression.MaxLength} are accepted")); }
        Advance();
        var root = Whole();
        return _token.Type == ExpressionTokenType.End ? root : throw Unexpected("an operator or the end");
    }

    private ExpressionNode Whole()
    {
        using var level = Deeper();
        if (!TakeWord("if")) { return Or(); }
        var condition = Whole();
        Require("then");
        var then = Whole();
        Require("else");
        return new ConditionNode(condition, then, Whole());
    }

    private ExpressionNode Or()
    {
        var left = And();
        while (TakeWord("or")) { left = new OrNode(left, And()); }
        return left;
    }

    private ExpressionNode And()
    {
        var left = Not();
        while (TakeWord("and")) { left = new AndNode(left, Not()); }
        return left;
    }

    private ExpressionNode Not()
    {
        using var level = Deeper();
        return TakeWord("not") ? Call(values => values[0] == 0 ? 1 : 0, Not()) : Comparison();
    }

    private ExpressionNode Comparison()
    {
        var left = Sum();
        if (_token is not { Type: ExpressionTokenType.Symbol, Text: "<" or ">" or "<=" or ">=" or "==" or "!=" }) { return left; }
        string symbol = _token.Text;
        Advance();
        var right = Sum();
        if (_token is { Type: ExpressionTokenType.Symbol, Text: "<" or ">" or "<=" or ">=" or "==" or "!=" }) { throw Failure(_token.Column, "comparisons do not chain; write a < b and b < c"); }
        return Call(values => Holds(symbol, values[0], values[1]) ? 1 : 0, left, right);
    }

    private static bool Holds(string symbol, double a, double b) => symbol switch { "<" => a < b, ">" => a > b, "<=" => a <= b, ">=" => a >= b, "==" => a == b, _ => a != b };

    private ExpressionNode Sum()
    {
        var left = Product();
        while (TakeSymbol("+", "-") is { } symbol)
        {
            left = symbol == "+" ? Call(values => values[0] + values[1], left, Product()) : Call(values => values[0] - values[1], left, Product());
        }

        return left;
    }

    private ExpressionNode Product()
    {
        var left = Signed();
        while (TakeSymbol("*", "/") is { } symbol)
        {
            left = symbol == "*" ? Call(values => values[0] * values[1], left, Signed()) : Call(values => values[0] / values[1], left, Signed());
        }

        return left;
    }

    private ExpressionNode Signed()
    {
        using var level = Deeper();
        return TakeSymbol("-", "+") switch
        {
            "-" => Call(values => -values[0], Signed()),
            "+" => Signed(),
            _ => Power(),
        };
    }

    private ExpressionNode Power()
    {
        var left = Primary();
        return TakeSymbol("^") is null ? left : Call(values => Math.Pow(values[0], values[1]), left, Signed());
    }

    private ExpressionNode Primary()
    {
        var token = _token;
        switch (token.Type)
        {
            case ExpressionTokenType.Number:
                Advance();
                return new NumberNode(token.Number);
            case ExpressionTokenType.Symbol when token.Text == "(":
                Advance();
                var inner = Whole();
                Close();
                return inner;
            case ExpressionTokenType.Name when !words.Contains(token.Text):
                Advance();
                return _token is { Type: ExpressionTokenType.Symbol, Text: "(" } ? Function(token) : Feature(token);
            default:
                throw Unexpected("a number, a feature, a function or '('");
        }
    }

    private static FeatureNode Feature(ExpressionToken name)
    {
        if (ExpressionFeatures.Names.TryGetValue(name.Text, out var value)) { return new FeatureNode(value); }
        string hint = ExpressionFunctions.IsKnown(name.Text) ? $"'{name.Text}' is a function; write {name.Text}(...)"
            : NearestKey.Find(name.Text, [.. ExpressionFeatures.Names.Keys]) is { } near ? $"there is no feature '{name.Text}'; did you mean '{near}'?"
            : $"there is no feature '{name.Text}'; there are {string.Join(", ", ExpressionFeatures.Names.Keys)}";
        throw Failure(name.Column, hint.TrimEnd('?'));
    }

    private ExpressionNode Function(ExpressionToken name)
    {
        Advance();
        if (ExpressionFunctions.Texts.TryGetValue(name.Text, out var ofText))
        {
            if (_token is not { Type: ExpressionTokenType.Text } argument) { throw Unexpected($"a text in quotes, as in {name.Text}(\"Step 1\")"); }
            if (argument.Text.Length == 0) { throw Failure(argument.Column, "the text is empty"); }
            Advance();
            Close();
            return new FeatureNode(features => ofText(features.Response, argument.Text));
        }

        if (!ExpressionFunctions.Numbers.TryGetValue(name.Text, out var function))
        {
            throw Failure(name.Column, $"there is no function '{name.Text}'; there are {string.Join(", ", ExpressionFunctions.Names)}");
        }

        var arguments = new List<ExpressionNode> { Whole() };
        while (TakeSymbol(",") is not null) { arguments.Add(Whole()); }
        Close();
        return arguments.Count >= function.Least && arguments.Count <= function.Most
            ? Call(function.Value, [.. arguments])
            : throw Failure(name.Column, FormattableString.Invariant($"{name.Text} takes {(function.Most == int.MaxValue ? $"{function.Least} or more" : $"{function.Least}")} values, not {arguments.Count}"));
    }

    private static CallNode Call(Func<double[], double> function, params ExpressionNode[] arguments) => new(function, arguments);

    private void Advance() => _token = _lexer.Next();

    private bool TakeWord(string word)
    {
        if (_token.Type != ExpressionTokenType.Name || _token.Text != word) { return false; }
        Advance();
        return true;
    }

    private string? TakeSymbol(params ReadOnlySpan<string> accepted)
    {
        if (_token.Type != ExpressionTokenType.Symbol || !accepted.Contains(_token.Text)) { return null; }
        string symbol = _token.Text;
        Advance();
        return symbol;
    }

    private void Require(string word)
    {
        if (!TakeWord(word)) { throw Unexpected($"'{word}'"); }
    }

    private void Close()
    {
        if (TakeSymbol(")") is null) { throw Unexpected("')'"); }
    }

    private FormatException Unexpected(string expected) =>
        Failure(_token.Column, $"{(_token.Type == ExpressionTokenType.End ? "the formula ends" : $"'{_token.Text}' stands")} where {expected} is expected");

    private Level Deeper()
    {
        // A stack overflow cannot be caught: depth is bounded where the grammar recurses.
        if (++_depth > MaxDepth) { throw Failure(_token.Column, FormattableString.Invariant($"the formula is nested more than {MaxDepth} deep")); }
        return new Level(this);
    }

    private readonly struct Level(ExpressionParser parser) : IDisposable
    {
        public void Dispose() => parser._depth--;
    }
}
