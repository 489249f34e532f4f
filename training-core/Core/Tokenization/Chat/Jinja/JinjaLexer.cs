using System.Globalization;
using System.Text;

namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>
/// Cuts a template into tokens with the whitespace rules that chat templates are written for: <c>trim_blocks</c> (a newline after a block or
/// comment goes) and <c>lstrip_blocks</c> (blanks before one that begins a line go), <c>-</c> and <c>+</c> at a delimiter, and no newline at the end.
/// Source: Jinja 3.1, lexer.py.
/// </summary>
internal sealed class JinjaLexer
{
    private static readonly string[] Operators = ["//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    private readonly string _source;
    private readonly List<JinjaToken> _tokens = [];
    private int _at;

    /// <summary>What was read last ended with a newline, so blanks that follow begin a line.</summary>
    private bool _lineStarts = true;

    private JinjaLexer(string source) => _source = source;

    /// <summary>A template's text with its newlines as one character each and without the last one: what positions refer to.</summary>
    public static string Normalize(string template)
    {
        string source = template.Replace("\r\n", "\n", StringComparison.Ordinal).Replace('\r', '\n');
        return source.EndsWith('\n') ? source[..^1] : source;
    }

    /// <summary>The tokens of a normalized template; the last one is <see cref="JinjaTokenKind.End"/>.</summary>
    /// <exception cref="JinjaException">A delimiter, string or character is out of place.</exception>
    public static List<JinjaToken> Read(string source)
    {
        var lexer = new JinjaLexer(source);
        lexer.ReadTemplate();
        lexer._tokens.Add(new JinjaToken(JinjaTokenKind.End, "", source.Length));
        return lexer._tokens;
    }

    private void ReadTemplate()
    {
        while (_at < _source.Length)
        {
            int open = NextDelimiter(_at);
            if (open < 0)
            {
                AddText(_source[_at..], _at);
                _at = _source.Length;
                return;
            }

            char kind = _source[open + 1];
            char sign = open + 2 < _source.Length && _source[open + 2] is '-' or '+' ? _source[open + 2] : '\0';
            AddText(Left(_source[_at..open], sign, isVariable: kind == '{'), _at);
            _at = open + (sign == '\0' ? 2 : 3);
            switch (kind)
            {
                case '#': SkipComment(open); break;
                case '{':
                    _tokens.Add(new JinjaToken(JinjaTokenKind.VariableBegin, "{{", open));
                    ReadExpression(open, "}}", JinjaTokenKind.VariableEnd);
                    break;
                default:
                    if (AfterRaw() is { } body) { SkipRaw(open, body); break; }
                    _tokens.Add(new JinjaToken(JinjaTokenKind.BlockBegin, "{%", open));
                    ReadExpression(open, "%}", JinjaTokenKind.BlockEnd);
                    break;
            }
        }
    }

    private int NextDelimiter(int from)
    {
        for (int at = _source.IndexOf('{', from); at >= 0 && at + 1 < _source.Length; at = _source.IndexOf('{', at + 1))
        {
            if (_source[at + 1] is '{' or '%' or '#') { return at; }
        }

        return -1;
    }

    /// <summary>Text before a delimiter, less what the delimiter takes away from it.</summary>
    private string Left(string text, char sign, bool isVariable)
    {
        if (sign == '-') { return text.TrimEnd(); }
        if (sign == '+' || isVariable) { return text; }
        int line = text.LastIndexOf('\n') + 1;
        return (line > 0 || _lineStarts) && text.AsSpan(line).IsWhiteSpace() ? text[..line] : text;
    }

    private void AddText(string text, int position)
    {
        if (text.Length > 0) { _tokens.Add(new JinjaToken(JinjaTokenKind.Text, text, position)); }
    }

    /// <summary>Moves behind a delimiter's end and what it takes away behind it.</summary>
    private void Close(int end, char sign, bool trims)
    {
        int from = _at;
        _at = end + 2;
        if (sign == '-') { while (_at < _source.Length && char.IsWhiteSpace(_source[_at])) { _at++; } }
        else if (trims && sign == '\0' && _at < _source.Length && _source[_at] == '\n') { _at++; }
        _lineStarts = _at > from && _source[_at - 1] == '\n';
    }

    private void SkipComment(int open)
    {
        int end = _source.IndexOf("#}", _at, StringComparison.Ordinal);
        if (end < 0) { throw new JinjaException("a comment '{#' has no '#}'", open); }
        Close(end, end > _at && _source[end - 1] is '-' or '+' ? _source[end - 1] : '\0', trims: true);
    }

    /// <summary>Where the body starts if this block is <c>raw</c>.</summary>
    private int? AfterRaw()
    {
        int at = SkipBlanks(_at);
        if (string.CompareOrdinal(_source, at, "raw", 0, 3) != 0) { return null; }
        at = SkipBlanks(at + 3);
        if (string.CompareOrdinal(_source, at, "%}", 0, 2) == 0) { return at + 2; }
        return string.CompareOrdinal(_source, at, "-%}", 0, 3) == 0 ? SkipBlanks(at + 3) : null;
    }

    private void SkipRaw(int open, int body)
    {
        for (int end = _source.IndexOf("{%", body, StringComparison.Ordinal); end >= 0; end = _source.IndexOf("{%", end + 2, StringComparison.Ordinal))
        {
            char sign = end + 2 < _source.Length && _source[end + 2] is '-' or '+' ? _source[end + 2] : '\0';
            int word = SkipBlanks(end + (sign == '\0' ? 2 : 3));
            if (string.CompareOrdinal(_source, word, "endraw", 0, 6) != 0) { continue; }
            int close = SkipBlanks(word + 6);
            char right = close < _source.Length && _source[close] is '-' or '+' ? _source[close] : '\0';
            if (right != '\0') { close++; }
            if (string.CompareOrdinal(_source, close, "%}", 0, 2) != 0) { continue; }
            _lineStarts = _source[body - 1] == '\n';
            AddText(Left(_source[body..end], sign, isVariable: false), body);
            _at = end;
            Close(close, right, trims: true);
            return;
        }

        throw new JinjaException("'{% raw %}' has no '{% endraw %}'", open);
    }

    private int SkipBlanks(int at)
    {
        while (at < _source.Length && char.IsWhiteSpace(_source[at])) { at++; }
        return at;
    }

    private void ReadExpression(int open, string end, JinjaTokenKind endKind)
    {
        int depth = 0;
        while (true)
        {
            _at = SkipBlanks(_at);
            if (_at >= _source.Length) { throw new JinjaException($"'{_source.AsSpan(open, 2)}' has no '{end}'", open); }
            if (depth == 0)
            {
                char sign = _source[_at] == '-' || (_source[_at] == '+' && endKind == JinjaTokenKind.BlockEnd) ? _source[_at] : '\0';
                int close = _at + (sign == '\0' ? 0 : 1);
                if (string.CompareOrdinal(_source, close, end, 0, 2) == 0)
                {
                    _tokens.Add(new JinjaToken(endKind, end, _at));
                    Close(close, sign, trims: endKind == JinjaTokenKind.BlockEnd);
                    return;
                }
            }

            var token = ReadToken();
            if (token.Kind == JinjaTokenKind.Operator) { depth += token.Text switch { "(" or "[" or "{" => 1, ")" or "]" or "}" => -1, _ => 0 }; }
            if (depth < 0) { throw new JinjaException($"'{token.Text}' has nothing to close", token.Position); }
            _tokens.Add(token);
        }
    }

    private JinjaToken ReadToken()
    {
        int start = _at;
        char c = _source[_at];
        if (c is '\'' or '"') { return new JinjaToken(JinjaTokenKind.String, ReadString(c), start); }
        if (char.IsAsciiDigit(c)) { return ReadNumber(start); }
        if (char.IsLetter(c) || c == '_')
        {
            while (_at < _source.Length && (char.IsLetterOrDigit(_source[_at]) || _source[_at] == '_')) { _at++; }
            return new JinjaToken(JinjaTokenKind.Name, _source[start.._at], start);
        }

        foreach (string candidate in Operators)
        {
            if (string.CompareOrdinal(_source, _at, candidate, 0, candidate.Length) != 0) { continue; }
            _at += candidate.Length;
            return new JinjaToken(JinjaTokenKind.Operator, candidate, start);
        }

        throw new JinjaException($"the character U+{(int)c:X4} has no meaning here", start);
    }

    private JinjaToken ReadNumber(int start)
    {
        while (_at < _source.Length && (char.IsAsciiDigit(_source[_at]) || _source[_at] == '_')) { _at++; }
        bool isFloat = false;
        // A number behind a dot is an index (a.0.1), never a fraction.
        bool isIndex = start > 0 && _source[start - 1] == '.';
        if (!isIndex && _at + 1 < _source.Length && _source[_at] == '.' && char.IsAsciiDigit(_source[_at + 1]))
        {
            isFloat = true;
            _at++;
            while (_at < _source.Length && char.IsAsciiDigit(_source[_at])) { _at++; }
        }

        int exponent = _at + 1 < _source.Length && _source[_at] is 'e' or 'E' ? _at + (_source[_at + 1] is '+' or '-' ? 2 : 1) : -1;
        if (!isIndex && exponent >= 0 && exponent < _source.Length && char.IsAsciiDigit(_source[exponent]))
        {
            isFloat = true;
            for (_at = exponent; _at < _source.Length && char.IsAsciiDigit(_source[_at]);) { _at++; }
        }

        return new JinjaToken(isFloat ? JinjaTokenKind.Float : JinjaTokenKind.Integer, _source[start.._at].Replace("_", "", StringComparison.Ordinal), start);
    }

    private string ReadString(char quote)
    {
        int start = _at++;
        var text = new StringBuilder();
        while (true)
        {
            if (_at >= _source.Length) { throw new JinjaException("a string is not closed", start); }
            char c = _source[_at++];
            if (c == quote) { return text.ToString(); }
            if (c == '\\' && _at < _source.Length) { ReadEscape(text); } else { text.Append(c); }
        }
    }

    /// <summary>Python's escapes; one that Python does not know keeps its backslash.</summary>
    private void ReadEscape(StringBuilder text)
    {
        int start = _at - 1;
        char c = _source[_at++];
        int known = "\n\\'\"abfnrtv".IndexOf(c, StringComparison.Ordinal);
        if (known >= 0)
        {
            if (c != '\n') { text.Append("\0\\'\"\a\b\f\n\r\t\v"[known]); }
        }
        else if (c is >= '0' and <= '7')
        {
            int value = c - '0';
            for (int i = 0; i < 2 && _at < _source.Length && _source[_at] is >= '0' and <= '7'; i++) { value = (value * 8) + (_source[_at++] - '0'); }
            text.Append((char)value);
        }
        else if (c is 'x' or 'u' or 'U')
        {
            int digits = c == 'x' ? 2 : c == 'u' ? 4 : 8;
            if (_at + digits > _source.Length || !uint.TryParse(_source.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint value) || value > 0x10FFFF)
            {
                throw new JinjaException($"the escape '\\{c}' needs {digits} hexadecimal digits of a character", start);
            }

            _at += digits;
            text.Append(value is <= 0xFFFF ? ((char)value).ToString() : char.ConvertFromUtf32((int)value));
        }
        else if (c == 'N') { throw new JinjaException("the escape '\\N' (a character's name) is not supported; write \\uXXXX", start); }
        else { text.Append('\\').Append(c); }
    }
}
