using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Methods of Python's str, dict and list that do not change them.</summary>
internal static class JinjaMethods
{
    private static readonly Dictionary<string, Func<string, JinjaCall, object?>> OfText = new(StringComparer.Ordinal)
    {
        ["capitalize"] = (text, _) => JinjaTexts.Capitalize(text),
        ["count"] = (text, call) => JinjaTexts.Count(text, call.Text(0, "sub")),
        ["endswith"] = (text, call) => Affixes(call).Any(affix => text.EndsWith(affix, StringComparison.Ordinal)),
        ["find"] = (text, call) => JinjaTexts.Index(text, text.IndexOf(call.Text(0, "sub"), StringComparison.Ordinal)),
        ["format"] = (text, call) => JinjaTexts.Format(text, call),
        ["index"] = (text, call) => text.IndexOf(call.Text(0, "sub"), StringComparison.Ordinal) is >= 0 and var at ? JinjaTexts.Index(text, at) : throw call.Error("does not find the text"),
        ["isalnum"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetterOrDigit),
        ["isalpha"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsLetter),
        ["isdigit"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsDigit),
        ["islower"] = (text, _) => text.Any(char.IsLower) && !text.Any(char.IsUpper),
        ["isnumeric"] = (text, _) => text.Length > 0 && text.EnumerateRunes().All(Rune.IsNumber),
        ["isspace"] = (text, _) => text.Length > 0 && text.All(JinjaTexts.IsSpace),
        ["isupper"] = (text, _) => text.Any(char.IsUpper) && !text.Any(char.IsLower),
        ["join"] = (text, call) => string.Join(text, call.Machine.Items(call.Required(0, "iterable"), call.Position).Select(item => item as string ?? throw call.Error($"needs texts, not {JinjaValue.TypeName(item)}"))),
        ["lower"] = (text, _) => JinjaTexts.Lower(text),
        ["lstrip"] = (text, call) => JinjaTexts.Strip(text, call.OptionalText(0, "chars"), left: true, right: false),
        ["partition"] = (text, call) => JinjaTexts.Partition(text, call.Text(0, "sep"), last: false),
        ["removeprefix"] = (text, call) => text.StartsWith(call.Text(0, "prefix"), StringComparison.Ordinal) ? text[call.Text(0, "prefix").Length..] : text,
        ["removesuffix"] = (text, call) => text.EndsWith(call.Text(0, "suffix"), StringComparison.Ordinal) ? text[..^call.Text(0, "suffix").Length] : text,
        ["replace"] = (text, call) => JinjaTexts.Replace(text, call.Text(0, "old"), call.Text(1, "new"), call.Whole(2, "count", -1), call),
        ["rfind"] = (text, call) => JinjaTexts.Index(text, text.LastIndexOf(call.Text(0, "sub"), StringComparison.Ordinal)),
        ["rpartition"] = (text, call) => JinjaTexts.Partition(text, call.Text(0, "sep"), last: true),
        ["rsplit"] = (text, call) => JinjaTexts.Split(text, call.OptionalText(0, "sep"), call.Whole(1, "maxsplit", -1), fromRight: true, call),
        ["rstrip"] = (text, call) => JinjaTexts.Strip(text, call.OptionalText(0, "chars"), left: false, right: true),
        ["split"] = (text, call) => JinjaTexts.Split(text, call.OptionalText(0, "sep"), call.Whole(1, "maxsplit", -1), fromRight: false, call),
        ["splitlines"] = (text, call) => JinjaTexts.Lines(text, call.Flag(0, "keepends", false)),
        ["startswith"] = (text, call) => Affixes(call).Any(affix => text.StartsWith(affix, StringComparison.Ordinal)),
        ["strip"] = (text, call) => JinjaTexts.Strip(text, call.OptionalText(0, "chars"), left: true, right: true),
        ["title"] = (text, _) => JinjaTexts.PythonTitle(text),
        ["upper"] = (text, _) => JinjaTexts.Upper(text),
        ["zfill"] = (text, call) => text.PadLeft((int)Math.Clamp(call.Whole(0, "width", 0), 0, 1000), '0'),
    };

    private static readonly Dictionary<string, Func<JinjaDict, JinjaCall, object?>> OfDict = new(StringComparer.Ordinal)
    {
        ["copy"] = (dict, _) => dict,
        ["get"] = (dict, call) => JinjaValue.Key(call.Required(0, "key")) is { } key && dict.Items.TryGetValue(key, out object? value) ? value : call.Argument(1, "default"),
        ["items"] = (dict, _) => new JinjaList([.. dict.Items.Select(entry => JinjaValue.Tuple(entry.Key, entry.Value))]),
        ["keys"] = (dict, _) => new JinjaList([.. dict.Items.Keys]),
        ["values"] = (dict, _) => new JinjaList([.. dict.Items.Values]),
    };

    private static readonly Dictionary<string, Func<JinjaList, JinjaCall, object?>> OfList = new(StringComparer.Ordinal)
    {
        ["copy"] = (list, _) => list,
        ["count"] = (list, call) => (long)list.Items.Count(item => JinjaCompare.AreEqual(item, call.Required(0, "value"))),
        ["index"] = (list, call) => list.Items.ToList().FindIndex(item => JinjaCompare.AreEqual(item, call.Required(0, "value"))) is >= 0 and var at ? (long)at : throw call.Error("does not find the value"),
    };

    /// <summary>Methods that exist in Python and change the value, or are not worth having here: an error, not an undefined value.</summary>
    private static readonly HashSet<string> Refused = ["append", "extend", "insert", "remove", "sort", "clear", "pop", "popitem", "update", "setdefault", "reverse"];

    private static readonly HashSet<string> UnsupportedOfText = ["casefold", "center", "encode", "expandtabs", "format_map", "isascii", "isdecimal", "isidentifier", "isprintable", "istitle", "ljust", "maketrans", "rindex", "rjust", "swapcase", "translate"];

    /// <summary>The method of a value; null if its type has none of that name.</summary>
    public static JinjaFunction? Find(object? owner, string name, int position)
    {
        switch (owner)
        {
            case string text:
                if (UnsupportedOfText.Contains(name)) { throw new JinjaException($"the method '{name}' of a text is not supported; supported are: {string.Join(", ", OfText.Keys)}", position); }
                return OfText.TryGetValue(name, out var ofText) ? new JinjaFunction(name, call =>
                {
                    call.Machine.Spend(text.Length / 4, call.Position);
                    return ofText(text, call);
                }) : null;
            case JinjaDict dict:
                RefuseChange(owner, name, position, except: "append extend insert remove sort reverse");
                return OfDict.TryGetValue(name, out var ofDict) ? new JinjaFunction(name, call =>
                {
                    call.Machine.Spend(dict.Items.Count, call.Position);
                    return ofDict(dict, call);
                }) : null;
            case JinjaList list:
                RefuseChange(owner, name, position, except: "popitem update setdefault");
                return OfList.TryGetValue(name, out var ofList) ? new JinjaFunction(name, call =>
                {
                    call.Machine.Spend(list.Items.Count, call.Position);
                    return ofList(list, call);
                }) : null;
            default: return null;
        }
    }

    // A key of that name, such as a tool's "update", is hidden by the method in Jinja too.
    private static void RefuseChange(object owner, string name, int position, string except)
    {
        if (!Refused.Contains(name) || except.Split(' ').Contains(name)) { return; }
        throw new JinjaException($"the method '{name}' would change a {JinjaValue.TypeName(owner)}, which chat templates may not do; make a new value with + or use a namespace", position);
    }

    private static string[] Affixes(JinjaCall call) => call.Required(0, "prefix") switch
    {
        string one => [one],
        JinjaList { IsTuple: true } many => [.. many.Items.Select(item => item as string ?? throw call.Error("needs texts"))],
        _ => throw call.Error("needs a text or a tuple of texts"),
    };
}
