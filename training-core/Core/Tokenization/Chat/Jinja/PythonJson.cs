using System.Globalization;
using System.Numerics;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>
/// The filter <c>tojson</c> of chat templates: Python's <c>json.dumps</c> with <c>ensure_ascii=False</c>, without Jinja's own escapes for HTML.
/// Source: transformers, utils/chat_template_utils.py.
/// </summary>
/// <param name="indent">Text of one level; null: all in one line.</param>
internal sealed class PythonJson(string? indent, string itemSeparator, string keySeparator, bool sortKeys, bool ascii)
{
    private const int MaxDepth = 64;
    private readonly StringBuilder _text = new();

    /// <exception cref="FormatException">The value is none that JSON has.</exception>
    public string Write(object? value)
    {
        Write(value, 0);
        return _text.ToString();
    }

    private void Write(object? value, int depth)
    {
        if (depth > MaxDepth) { throw new FormatException($"a value is nested more than {MaxDepth} deep"); }
        if (_text.Length > JinjaBudget.MaxOutput) { throw new FormatException($"a value's JSON is longer than {JinjaBudget.MaxOutput} characters"); }
        switch (value)
        {
            case null: _text.Append("null"); break;
            case bool flag: _text.Append(flag ? "true" : "false"); break;
            case long number: _text.Append(number); break;
            case BigInteger number: _text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case double number: _text.Append(Number(number)); break;
            case string text: Quote(text); break;
            case JinjaList list:
                Enclose('[', ']', list.Items.Count, depth, i => Write(list.Items[i], depth + 1));
                break;
            case JinjaDict dict:
                var entries = dict.Items.ToList();
                if (sortKeys) { entries.Sort((a, b) => JinjaCompare.Order(a.Key, b.Key) ?? throw new FormatException("keys of several types cannot be sorted")); }
                Enclose('{', '}', entries.Count, depth, i =>
                {
                    Quote(Key(entries[i].Key));
                    _text.Append(keySeparator);
                    Write(entries[i].Value, depth + 1);
                });
                break;
            default: throw new FormatException($"a value of type {JinjaValue.TypeName(value)} is not JSON");
        }
    }

    private void Enclose(char open, char close, int count, int depth, Action<int> write)
    {
        _text.Append(open);
        for (int i = 0; i < count; i++)
        {
            if (i > 0) { _text.Append(itemSeparator); }
            NewLine(depth + 1);
            write(i);
        }

        if (count > 0) { NewLine(depth); }
        _text.Append(close);
    }

    private void NewLine(int depth)
    {
        if (indent is null) { return; }
        _text.Append('\n');
        for (int i = 0; i < depth; i++) { _text.Append(indent); }
    }

    private static string Key(object key) => key switch
    {
        string text => text,
        bool flag => flag ? "true" : "false",
        long number => JinjaValue.Invariant(number),
        double number => Number(number),
        _ => throw new FormatException($"a key of type {JinjaValue.TypeName(key)} is not JSON"),
    };

    private static string Number(double number) => double.IsNaN(number) ? "NaN" : double.IsInfinity(number) ? number > 0 ? "Infinity" : "-Infinity" : PythonFormat.Float(number);

    private void Quote(string text)
    {
        _text.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"': _text.Append("\\\""); break;
                case '\\': _text.Append("\\\\"); break;
                case '\n': _text.Append("\\n"); break;
                case '\r': _text.Append("\\r"); break;
                case '\t': _text.Append("\\t"); break;
                case '\b': _text.Append("\\b"); break;
                case '\f': _text.Append("\\f"); break;
                case < ' ': _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); break;
                default:
                    if (ascii && c > '~') { _text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"); } else { _text.Append(c); }
                    break;
            }
        }

        _text.Append('"');
    }
}
