using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>Functions that every chat template may call.</summary>
internal static class JinjaGlobals
{
    /// <param name="now">What the clock shows; null: the template is told of no clock, so that what it writes depends on its input alone.</param>
    public static Dictionary<string, object?> Create(DateTimeOffset? now)
    {
        var globals = new Dictionary<string, object?>(StringComparer.Ordinal)
        {
            ["range"] = new JinjaFunction("range", Range),
            ["namespace"] = new JinjaFunction("namespace", call =>
            {
                var names = new JinjaNamespace();
                foreach (var (key, value) in Entries(call)) { names.Items[key as string ?? throw call.Error("needs texts as keys")] = value; }
                return names;
            }),
            ["dict"] = new JinjaFunction("dict", call =>
            {
                var dict = new JinjaDict();
                foreach (var (key, value) in Entries(call)) { dict.Items[key] = value; }
                return dict;
            }),
            ["raise_exception"] = new JinjaFunction("raise_exception", call => throw new JinjaException($"the template refuses the conversation: {PythonFormat.Text(call.Required(0, "message"))}", call.Position)),
        };
        if (now is { } time) { globals["strftime_now"] = new JinjaFunction("strftime_now", call => Time(time, call.Text(0, "format"), call)); }
        return globals;
    }

    private static IEnumerable<KeyValuePair<object, object?>> Entries(JinjaCall call)
    {
        if (call.Positional.Count > 1) { throw call.Error("takes one dict and named values"); }
        foreach (object? given in call.Positional)
        {
            if (given is not JinjaDict dict) { throw call.Error($"takes a dict, not {JinjaValue.TypeName(given)}"); }
            foreach (var entry in dict.Items) { yield return entry; }
        }

        foreach (var (name, value) in call.Named) { yield return KeyValuePair.Create((object)name, value); }
    }

    private static JinjaList Range(JinjaCall call)
    {
        call.Accept("start", "stop", "step");
        long first = call.Whole(0, "start", 0);
        var (start, stop) = call.Positional.Count == 1 ? (0, first) : (first, call.Whole(1, "stop", 0));
        long step = call.Whole(2, "step", 1);
        if (step == 0) { throw call.Error("has a step of 0"); }
        Int128 count = step > 0 ? ((Int128)stop - start + step - 1) / step : ((Int128)start - stop - step - 1) / -(Int128)step;
        if (count > JinjaMachine.MaxRange) { throw call.Error($"has more than {JinjaMachine.MaxRange} numbers"); }
        call.Machine.Spend((long)Int128.Max(count, 0), call.Position);
        var numbers = new List<object?>();
        for (long i = 0; i < count; i++) { numbers.Add(start + (i * step)); }
        return new JinjaList(numbers);
    }

    /// <summary>C's strftime in the C locale.</summary>
    private static string Time(DateTimeOffset now, string format, JinjaCall call)
    {
        var text = new StringBuilder();
        for (int at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 == format.Length) { text.Append(format[at]); continue; }
            bool plain = format[++at] == '-' && at + 1 < format.Length;
            if (plain) { at++; }
            string piece = Piece(now, format[at]) ?? throw call.Error($"does not support the format '%{format[at]}'");
            text.Append(plain ? piece.TrimStart('0') is { Length: > 0 } short_ ? short_ : "0" : piece);
            call.Machine.Spend(piece.Length, call.Position);
        }

        return text.ToString();
    }

    private static string? Piece(DateTimeOffset now, char kind)
    {
        string? net = kind switch
        {
            'a' => "ddd", 'A' => "dddd", 'b' or 'h' => "MMM", 'B' => "MMMM", 'd' => "dd", 'm' => "MM", 'y' => "yy", 'Y' => "yyyy",
            'H' => "HH", 'I' => "hh", 'M' => "mm", 'S' => "ss", 'p' => "tt", 'f' => "ffffff", 'F' => "yyyy-MM-dd", 'T' => "HH:mm:ss", 'D' => "MM/dd/yy", 'R' => "HH:mm",
            _ => null,
        };
        if (net is not null) { return now.ToString(net, CultureInfo.InvariantCulture); }
        return kind switch
        {
            '%' => "%",
            'j' => now.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
            'e' => now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2),
            'c' => now.ToString("ddd MMM ", CultureInfo.InvariantCulture) + now.Day.ToString(CultureInfo.InvariantCulture).PadLeft(2) + now.ToString(" HH:mm:ss yyyy", CultureInfo.InvariantCulture),
            'x' => now.ToString("MM/dd/yy", CultureInfo.InvariantCulture),
            'X' => now.ToString("HH:mm:ss", CultureInfo.InvariantCulture),
            'n' => "\n",
            't' => "\t",
            _ => null,
        };
    }
}
