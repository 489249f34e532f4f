using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Filters behind <c>|</c> on single values. Source: Jinja 3.1, filters.py; <c>tojson</c> as transformers defines it.</summary>
internal static class JinjaFilters
{
    private static readonly Dictionary<string, Func<object?, JinjaCall, object?>> All = new(StringComparer.Ordinal)
    {
        ["abs"] = (value, call) => value switch { long whole when whole > long.MinValue => (object)Math.Abs(whole), double number => Math.Abs(number), bool flag => flag ? 1L : 0L, _ => throw call.Error($"needs a number, not {JinjaValue.TypeName(value)}") },
        ["attr"] = (value, call) => JinjaAttributes.Attribute(value, call.Text(0, "name"), call.Position),
        ["capitalize"] = (value, _) => JinjaTexts.Capitalize(PythonFormat.Text(value)),
        ["default"] = Default,
        ["d"] = Default,
        ["escape"] = (value, _) => Escape(PythonFormat.Text(value)),
        ["e"] = (value, _) => Escape(PythonFormat.Text(value)),
        ["float"] = (value, call) => ToFloat(value) ?? call.Argument(0, "default", 0.0),
        ["format"] = (value, call) => JinjaArithmetic.Format(PythonFormat.Text(value), new JinjaList([.. call.Positional], isTuple: true), call.Position),
        ["indent"] = Indent,
        ["int"] = (value, call) => ToWhole(value) ?? call.Argument(0, "default", 0L),
        ["length"] = Length,
        ["count"] = Length,
        ["lower"] = (value, _) => JinjaTexts.Lower(PythonFormat.Text(value)),
        ["pprint"] = (value, _) => PythonFormat.Repr(value),
        ["replace"] = (value, call) => JinjaTexts.Replace(PythonFormat.Text(value), PythonFormat.Text(call.Required(0, "old")), PythonFormat.Text(call.Required(1, "new")), call.Argument(2, "count") is null ? -1 : call.Whole(2, "count", -1), call),
        ["round"] = Round,
        ["safe"] = (value, _) => PythonFormat.Text(value),
        ["string"] = (value, _) => PythonFormat.Text(value),
        ["title"] = (value, _) => JinjaTexts.Title(PythonFormat.Text(value)),
        ["tojson"] = ToJson,
        ["trim"] = (value, call) => JinjaTexts.Strip(PythonFormat.Text(value), call.OptionalText(0, "chars"), left: true, right: true),
        ["upper"] = (value, _) => JinjaTexts.Upper(PythonFormat.Text(value)),
        ["wordcount"] = (value, call) => (long)JinjaTexts.Split(PythonFormat.Text(value), null, -1, fromRight: false, call).Items.Count,
    };

    public static string Names => string.Join(", ", All.Keys.Concat(JinjaListFilters.All.Keys).Order(StringComparer.Ordinal));

    /// <summary>The filter of a name; null if there is none.</summary>
    public static Func<object?, JinjaCall, object?>? Find(string name) => All.GetValueOrDefault(name) ?? JinjaListFilters.All.GetValueOrDefault(name);

    private static object? Default(object? value, JinjaCall call)
    {
        call.Accept("default_value", "boolean");
        bool replaces = value is JinjaUndefined || (call.Flag(1, "boolean", false) && !JinjaValue.IsTrue(value));
        return replaces ? call.Argument(0, "default_value", "") : value;
    }

    private static object Length(object? value, JinjaCall call) => value switch
    {
        string text => (long)JinjaValue.Length(text),
        JinjaList list => (long)list.Items.Count,
        JinjaDict dict => (long)dict.Items.Count,
        JinjaUndefined => 0L,
        _ => throw call.Error($"needs a text, list or dict, not {JinjaValue.TypeName(value)}"),
    };

    private static object ToJson(object? value, JinjaCall call)
    {
        call.Accept("ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = call.Argument(1, "indent") switch
        {
            null => null,
            string text => text,
            var width => new string(' ', (int)Math.Clamp(JinjaValue.Whole(width) ?? throw call.Error("needs a whole number or a text as 'indent'"), 0, 64)),
        };
        string[] separators = call.Argument(2, "separators") switch
        {
            null => [indent is null ? ", " : ",", ": "],
            JinjaList { Items: [string item, string key] } => [item, key],
            _ => throw call.Error("needs two texts as 'separators'"),
        };
        string json = new PythonJson(indent, separators[0], separators[1], call.Flag(3, "sort_keys", false), call.Flag(0, "ensure_ascii", false)).Write(value);
        call.Machine.Spend(json.Length, call.Position);
        return json;
    }

    private static object Indent(object? value, JinjaCall call)
    {
        call.Accept("width", "first", "blank");
        string margin = call.Argument(0, "width", 4L) is string text ? text : new string(' ', (int)Math.Clamp(call.Whole(0, "width", 4), 0, 1000));
        string[] lines = (PythonFormat.Text(value) + "\n").Split('\n')[..^1];
        call.Machine.Spend((long)lines.Length * (margin.Length + 1), call.Position);
        bool blank = call.Flag(2, "blank", false);
        var result = new StringBuilder(call.Flag(1, "first", false) ? margin : "").Append(lines[0]);
        foreach (string line in lines.Skip(1)) { result.Append('\n').Append(blank || line.Length > 0 ? margin : "").Append(line); }
        return result.ToString();
    }

    private static object Round(object? value, JinjaCall call)
    {
        if (!JinjaValue.IsNumber(value)) { throw call.Error($"needs a number, not {JinjaValue.TypeName(value)}"); }
        long precision = call.Whole(0, "precision", 0);
        if (precision is < 0 or > 15) { throw call.Error("supports a precision from 0 to 15"); }
        double number = JinjaValue.Number(value!), factor = Math.Pow(10, precision);
        return (call.OptionalText(1, "method") ?? "common") switch
        {
            "common" => Math.Round(number, (int)precision, MidpointRounding.ToEven),
            "ceil" => Math.Ceiling(number * factor) / factor,
            "floor" => Math.Floor(number * factor) / factor,
            _ => throw call.Error("has the methods common, ceil and floor"),
        };
    }

    private static object? ToFloat(object? value) => value switch
    {
        bool or long or double => JinjaValue.Number(value),
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) => number,
        _ => null,
    };

    private static object? ToWhole(object? value) => value switch
    {
        bool or long => JinjaValue.Whole(value),
        double number when Math.Abs(number) < 9e18 => (long)number,
        string text when long.TryParse(text.Trim(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long whole) => whole,
        string text when double.TryParse(text.Trim(), NumberStyles.Float, CultureInfo.InvariantCulture, out double number) && Math.Abs(number) < 9e18 => (long)number,
        _ => null,
    };

    private static string Escape(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal)
        .Replace("'", "&#39;", StringComparison.Ordinal).Replace("\"", "&#34;", StringComparison.Ordinal);
}
