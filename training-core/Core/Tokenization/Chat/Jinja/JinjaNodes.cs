namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>A part of a parsed template, with the place where it starts.</summary>
internal abstract record JinjaNode(int Position);

internal sealed record TextNode(int Position, string Text) : JinjaNode(Position);

internal sealed record OutputNode(int Position, JinjaExpression Value) : JinjaNode(Position);

/// <summary>Branches in order; a null condition is <c>else</c>.</summary>
internal sealed record IfNode(int Position, IReadOnlyList<(JinjaExpression? Condition, IReadOnlyList<JinjaNode> Body)> Branches) : JinjaNode(Position);

internal sealed record ForNode(int Position, JinjaTarget Target, JinjaExpression Items, JinjaExpression? Filter, bool Recursive, IReadOnlyList<JinjaNode> Body, IReadOnlyList<JinjaNode> Else) : JinjaNode(Position);

internal sealed record SetNode(int Position, JinjaTarget Target, JinjaExpression Value) : JinjaNode(Position);

/// <summary><c>{% set x %}...{% endset %}</c>; the filter is applied to <see cref="CapturedText"/>.</summary>
internal sealed record SetBlockNode(int Position, JinjaTarget Target, JinjaExpression? Filtered, IReadOnlyList<JinjaNode> Body) : JinjaNode(Position);

internal sealed record FilterBlockNode(int Position, JinjaExpression Filtered, IReadOnlyList<JinjaNode> Body) : JinjaNode(Position);

internal sealed record WithNode(int Position, IReadOnlyList<(JinjaTarget Target, JinjaExpression Value)> Values, IReadOnlyList<JinjaNode> Body) : JinjaNode(Position);

internal sealed record MacroNode(int Position, string Name, IReadOnlyList<(string Name, JinjaExpression? Default)> Parameters, IReadOnlyList<JinjaNode> Body, bool TakesMore, bool TakesMoreNamed) : JinjaNode(Position);

/// <summary><c>{% call macro(...) %}</c>; the body becomes <c>caller</c>.</summary>
internal sealed record CallBlockNode(int Position, MacroNode Caller, CallExpression Call) : JinjaNode(Position);

internal sealed record LoopControlNode(int Position, bool Breaks) : JinjaNode(Position);

/// <summary><c>{% generation %}</c>: marks what a model writes; transparent when rendering.</summary>
internal sealed record GroupNode(int Position, IReadOnlyList<JinjaNode> Body) : JinjaNode(Position);

/// <summary>What an assignment writes to: a name, an attribute of a namespace, or several of them.</summary>
internal sealed record JinjaTarget(int Position, string Name, string? Attribute, IReadOnlyList<JinjaTarget>? Parts);

internal abstract record JinjaExpression(int Position);

internal sealed record ConstantExpression(int Position, object? Value) : JinjaExpression(Position);

/// <summary>The text that a block captured, as a filter's input.</summary>
internal sealed record CapturedText(int Position) : JinjaExpression(Position);

internal sealed record NameExpression(int Position, string Name) : JinjaExpression(Position);

internal sealed record ListExpression(int Position, IReadOnlyList<JinjaExpression> Items, bool IsTuple) : JinjaExpression(Position);

internal sealed record DictExpression(int Position, IReadOnlyList<(JinjaExpression Key, JinjaExpression Value)> Items) : JinjaExpression(Position);

internal sealed record AttributeExpression(int Position, JinjaExpression Owner, string Name) : JinjaExpression(Position);

internal sealed record ItemExpression(int Position, JinjaExpression Owner, JinjaExpression Key) : JinjaExpression(Position);

internal sealed record SliceExpression(int Position, JinjaExpression Owner, JinjaExpression? Start, JinjaExpression? Stop, JinjaExpression? Step) : JinjaExpression(Position);

internal sealed record JinjaArguments(IReadOnlyList<JinjaExpression> Positional, IReadOnlyList<(string Name, JinjaExpression Value)> Named, JinjaExpression? Spread, JinjaExpression? NamedSpread)
{
    public static JinjaArguments None { get; } = new([], [], null, null);
}

internal sealed record CallExpression(int Position, JinjaExpression Callee, JinjaArguments Arguments) : JinjaExpression(Position);

internal sealed record FilterExpression(int Position, JinjaExpression Value, string Name, JinjaArguments Arguments) : JinjaExpression(Position);

internal sealed record TestExpression(int Position, JinjaExpression Value, string Name, JinjaArguments Arguments) : JinjaExpression(Position);

internal sealed record UnaryExpression(int Position, string Operator, JinjaExpression Value) : JinjaExpression(Position);

/// <summary>Arithmetic, <c>and</c>, <c>or</c>.</summary>
internal sealed record BinaryExpression(int Position, string Operator, JinjaExpression Left, JinjaExpression Right) : JinjaExpression(Position);

internal sealed record ConcatExpression(int Position, IReadOnlyList<JinjaExpression> Parts) : JinjaExpression(Position);

/// <summary>A chain as in Python: a &lt; b &lt; c.</summary>
internal sealed record CompareExpression(int Position, JinjaExpression First, IReadOnlyList<(string Operator, JinjaExpression Value)> Rest) : JinjaExpression(Position);

internal sealed record ConditionalExpression(int Position, JinjaExpression Condition, JinjaExpression Then, JinjaExpression? Else) : JinjaExpression(Position);
