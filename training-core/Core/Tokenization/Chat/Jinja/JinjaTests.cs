namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Tests behind <c>is</c>. Source: Jinja 3.1, tests.py.</summary>
internal static class JinjaTests
{
    private static readonly Dictionary<string, Func<object?, JinjaCall, bool>> All = new(StringComparer.Ordinal)
    {
        ["boolean"] = (value, _) => value is bool,
        ["callable"] = (value, _) => value is JinjaFunction,
        ["defined"] = (value, _) => value is not JinjaUndefined,
        ["divisibleby"] = (value, call) => Whole(value, call) % (call.Whole(0, "num", 0) is not 0 and var by ? by : throw call.Error("divides by zero")) == 0,
        ["eq"] = (value, call) => JinjaCompare.AreEqual(value, call.Required(0, "other")),
        ["even"] = (value, call) => Whole(value, call) % 2 == 0,
        ["false"] = (value, _) => value is false,
        ["float"] = (value, _) => value is double,
        ["ge"] = (value, call) => Order(value, call) >= 0,
        ["gt"] = (value, call) => Order(value, call) > 0,
        ["in"] = (value, call) => JinjaCompare.Contains(call.Required(0, "seq"), value) ?? throw call.Error($"cannot look into {JinjaValue.TypeName(call.Required(0, "seq"))}"),
        ["integer"] = (value, _) => value is long or System.Numerics.BigInteger,
        ["iterable"] = (value, _) => value is string or JinjaList or JinjaDict or JinjaUndefined,
        ["le"] = (value, call) => Order(value, call) <= 0,
        ["lower"] = (value, call) => Text(value, call) is var text && text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["lt"] = (value, call) => Order(value, call) < 0,
        ["mapping"] = (value, _) => value is JinjaDict,
        ["ne"] = (value, call) => !JinjaCompare.AreEqual(value, call.Required(0, "other")),
        ["none"] = (value, _) => value is null,
        ["number"] = (value, _) => value is bool or long or double or System.Numerics.BigInteger,
        ["odd"] = (value, call) => Whole(value, call) % 2 != 0,
        ["sameas"] = (value, call) => ReferenceEquals(value, call.Required(0, "other")) || (value is bool or string or null && JinjaValue.TypeName(value) == JinjaValue.TypeName(call.Required(0, "other")) && JinjaCompare.AreEqual(value, call.Required(0, "other"))),
        ["sequence"] = (value, _) => value is string or JinjaList or JinjaDict or JinjaUndefined,
        ["string"] = (value, _) => value is string,
        ["true"] = (value, _) => value is true,
        ["undefined"] = (value, _) => value is JinjaUndefined,
        ["upper"] = (value, call) => Text(value, call) is var text && text.Any(char.IsUpper) && !text.Any(char.IsLower),
    };

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.Ordinal)
    {
        ["equalto"] = "eq", ["=="] = "eq", ["!="] = "ne", ["lessthan"] = "lt", ["<"] = "lt", ["<="] = "le", ["greaterthan"] = "gt", [">"] = "gt", [">="] = "ge",
    };

    public static string Names => string.Join(", ", All.Keys);

    /// <summary>The test of a name; null if there is none.</summary>
    public static Func<object?, JinjaCall, object?>? Find(string name) => All.TryGetValue(Aliases.GetValueOrDefault(name, name), out var test) ? (value, call) => test(value, call) : null;

    private static long Whole(object? value, JinjaCall call) => JinjaValue.Whole(value) ?? throw call.Error($"needs a whole number, not {JinjaValue.TypeName(value)}");

    private static string Text(object? value, JinjaCall call) => value as string ?? throw call.Error($"needs a text, not {JinjaValue.TypeName(value)}");

    private static int Order(object? value, JinjaCall call) => JinjaCompare.Order(value, call.Required(0, "other"))
        ?? throw call.Error($"cannot compare {JinjaArithmetic.Describe(value)} with {JinjaArithmetic.Describe(call.Required(0, "other"))}");
}
