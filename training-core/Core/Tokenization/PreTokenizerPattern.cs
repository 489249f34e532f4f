using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization;

/// <summary>
/// Rewrites the regular expression of a tokenizer file (Oniguruma's dialect, over Unicode scalars) for .NET (over UTF-16 units).
/// What both read alike passes; possessive quantifiers become atomic groups; what they read differently is refused by name,
/// because a silently different split would give other token ids.
/// </summary>
internal sealed class PreTokenizerPattern
{
    private static readonly HashSet<string> Categories =
    [
        "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po",
        "S", "Sm", "Sc", "Sk", "So", "Z", "Zs", "Zl", "Zp", "C", "Cc", "Cf", "Co", "Cn",
    ];

    private readonly string _pattern;
    private readonly StringBuilder _output = new();
    private readonly List<(char First, char Last)> _named = [];
    private readonly Stack<(int Start, bool IgnoresCase)> _groups = new();
    private int _next;
    private int _atom = -1;
    private bool _ignoresCase;

    private PreTokenizerPattern(string pattern) => _pattern = pattern;

    /// <summary>The pattern for .NET, and every character it names outside ASCII, as ranges.</summary>
    /// <exception cref="FormatException">The pattern uses something that is not supported; the message names it and its position.</exception>
    public static (string Pattern, IReadOnlyList<(char First, char Last)> Named) Rewrite(string pattern)
    {
        var reader = new PreTokenizerPattern(pattern);
        reader.Read();
        return (reader._output.ToString(), reader._named);
    }

    private void Read()
    {
        while (_next < _pattern.Length)
        {
            char c = _pattern[_next];
            switch (c)
            {
                case '(': OpenGroup(); break;
                case ')': CloseGroup(); break;
                case '|': _output.Append(c); _next++; _atom = -1; break;
                case '[': Atom(ReadClass); break;
                case '*' or '+' or '?' or '{': Quantify(); break;
                case '.': Atom(() => { _output.Append('.'); _next++; }); break;
                case '^' or '$': throw Unsupported($"the anchor '{c}'");
                default: Atom(() => AppendItem(inClass: false)); break;
            }
        }

        if (_groups.Count > 0) { throw Unsupported("a group without ')'"); }
    }

    private void Atom(Action read)
    {
        _atom = _output.Length;
        read();
    }

    private void OpenGroup()
    {
        string[] openings = ["(?:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"];
        string? opening = openings.FirstOrDefault(o => string.CompareOrdinal(_pattern, _next, o, 0, o.Length) == 0);
        if (opening is null && _next + 1 < _pattern.Length && _pattern[_next + 1] == '?') { throw Unsupported("this group option"); }
        _groups.Push((_output.Length, _ignoresCase));
        _ignoresCase |= opening == "(?i:";
        _output.Append(opening ?? "(?:");
        _next += opening?.Length ?? 1;
        _atom = -1;
    }

    private void CloseGroup()
    {
        if (!_groups.TryPop(out var group)) { throw Unsupported("')' without '('"); }
        _output.Append(')');
        _next++;
        (_atom, _ignoresCase) = group;
    }

    private void Quantify()
    {
        if (_atom < 0) { throw Unsupported("a quantifier without anything before it"); }
        if (_pattern[_next] == '{')
        {
            int end = _pattern.IndexOf('}', _next);
            string[] bounds = end < 0 ? [] : _pattern[(_next + 1)..end].Split(',');
            bool valid = bounds.Length is 1 or 2 && bounds[0].Length is > 0 and < 6 && bounds.All(b => b.All(char.IsAsciiDigit));
            // {n}? and {n}+ mean other things in the two dialects.
            if (!valid || (end + 1 < _pattern.Length && _pattern[end + 1] is '?' or '+' or '*')) { throw Unsupported("this form of '{'"); }
            _output.Append(_pattern, _next, end + 1 - _next);
            _next = end + 1;
        }
        else
        {
            _output.Append(_pattern[_next++]);
            char suffix = _next < _pattern.Length ? _pattern[_next] : '\0';
            if (suffix == '?') { _output.Append('?'); _next++; }
            if (suffix == '+')
            {
                _output.Insert(_atom, "(?>").Append(')');
                _next++;
            }
        }

        _atom = -1;
    }

    private void ReadClass()
    {
        if (_ignoresCase) { throw Unsupported("a character class that ignores case"); }
        _output.Append('[');
        _next++;
        if (Peek() == '^') { _output.Append('^'); _next++; }
        if (Peek() == ']') { throw Unsupported("an empty character class"); }
        while (Peek() != ']')
        {
            if (Peek() == '[' || (Peek() == '&' && Peek(1) == '&')) { throw Unsupported("a class inside a class"); }
            char? first = AppendItem(inClass: true);
            if (Peek() != '-' || Peek(1) == ']') { continue; }
            _output.Append('-');
            _next++;
            if (Peek() == '[' || first is null || AppendItem(inClass: true) is not { } last || last < first) { throw Unsupported("this range"); }
            _named.Add((first.Value, last));
        }

        _output.Append(']');
        _next++;

        char Peek(int ahead = 0) => _next + ahead < _pattern.Length ? _pattern[_next + ahead] : throw Unsupported("a class without ']'");
    }

    /// <summary>Appends a literal or an escape; returns the character if it is one character.</summary>
    private char? AppendItem(bool inClass)
    {
        char c = _pattern[_next++];
        if (c != '\\') { return AppendLiteral(c, inClass); }
        if (_next == _pattern.Length) { throw Unsupported("a '\\' at the end"); }
        c = _pattern[_next++];
        switch (c)
        {
            case 's' or 'S' or 'd' or 'D': _output.Append('\\').Append(c); return null;
            case 'p' or 'P': AppendCategory(negated: c == 'P'); return null;
            case 'r': return AppendLiteral('\r', inClass);
            case 'n': return AppendLiteral('\n', inClass);
            case 't': return AppendLiteral('\t', inClass);
            case 'f': return AppendLiteral('\f', inClass);
            case 'v': return AppendLiteral('\v', inClass);
            case 'u' when _next + 4 <= _pattern.Length && ushort.TryParse(_pattern.AsSpan(_next, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ushort unit):
                _next += 4;
                return AppendLiteral((char)unit, inClass);
            default: return char.IsAsciiLetterOrDigit(c) ? throw Unsupported($"the escape '\\{c}'") : AppendLiteral(c, inClass);
        }
    }

    private void AppendCategory(bool negated)
    {
        int end = _pattern.IndexOf('}', _next);
        if (end < 0 || _pattern[_next] != '{') { throw Unsupported("'\\p' without {category}"); }
        string name = _pattern[(_next + 1)..end];
        if (name.StartsWith('^')) { (name, negated) = (name[1..], !negated); }
        if (!Categories.Contains(name)) { throw Unsupported($"the property '{name}' (Unicode general categories such as L, Lu, N, Nd are)"); }
        _output.Append(negated ? "\\P{" : "\\p{").Append(name).Append('}');
        _next = end + 1;
    }

    private char AppendLiteral(char c, bool inClass)
    {
        if (char.IsSurrogate(c)) { throw Unsupported("a character beyond U+FFFF"); }
        if (!char.IsAscii(c)) { _named.Add((c, c)); }
        // Unicode folds U+017F (long s) to s; .NET's case table does not.
        if (_ignoresCase && !inClass && c is 's' or 'S') { _output.Append("[sS\\u017F]"); }
        else if (char.IsAsciiLetterOrDigit(c)) { _output.Append(c); }
        else { _output.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:X4}"); }
        return c;
    }

    private FormatException Unsupported(string what) =>
        new($"the pattern uses {what} before index {_next}, which is not supported: {_pattern}");
}
