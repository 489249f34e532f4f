using System.Globalization;
using System.Text;

namespace Ctwa.Training.Specification;

internal enum ExpressionTokenType { Number, Name, Text, Symbol, End }

/// <param name="Type">Kind of token.</param>
/// <param name="Text">Name, symbol or content of a text.</param>
/// <param name="Number">Value of a number.</param>
/// <param name="Column">Where it begins, from 1.</param>
internal readonly record struct ExpressionToken(ExpressionTokenType Type, string Text, double Number, int Column);

/// <summary>Cuts a formula into tokens.</summary>
internal sealed class ExpressionLexer(string text)
{
    private static readonly string[] symbols = ["<=", ">=", "==", "!=", "<", ">", "+", "-", "*", "/", "^", "(", ")", ","];
    private int _at;

    public ExpressionToken Next()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at])) { _at++; }
        int column = _at + 1;
        if (_at == text.Length) { return new(ExpressionTokenType.End, "the end", 0, column); }
        char c = text[_at];
        if (char.IsAsciiDigit(c) || c == '.') { return Number(column); }
        if (char.IsAsciiLetter(c) || c == '_')
        {
            int start = _at;
            while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] == '_')) { _at++; }
            return new(ExpressionTokenType.Name, text[start.._at], 0, column);
        }

        if (c is '"' or '\'') { return Quoted(c, column); }
        foreach (string symbol in symbols)
        {
            if (string.CompareOrdinal(text, _at, symbol, 0, symbol.Length) != 0) { continue; }
            _at += symbol.Length;
            return new(ExpressionTokenType.Symbol, symbol, 0, column);
        }

        throw ExpressionParser.Failure(column, $"'{c}' is not part of a formula");
    }

    private ExpressionToken Number(int column)
    {
        int start = _at;
        while (_at < text.Length && (char.IsAsciiDigit(text[_at]) || text[_at] == '.')) { _at++; }
        if (_at < text.Length && text[_at] is 'e' or 'E')
        {
            _at++;
            if (_at < text.Length && text[_at] is '+' or '-') { _at++; }
            while (_at < text.Length && char.IsAsciiDigit(text[_at])) { _at++; }
        }

        string number = text[start.._at];
        return double.TryParse(number, NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out double value) && double.IsFinite(value)
            ? new(ExpressionTokenType.Number, number, value, column)
            : throw ExpressionParser.Failure(column, $"'{number}' is not a number");
    }

    private ExpressionToken Quoted(char quote, int column)
    {
        var content = new StringBuilder();
        for (_at++; _at < text.Length; _at++)
        {
            char c = text[_at];
            if (c == quote)
            {
                _at++;
                return new(ExpressionTokenType.Text, content.ToString(), 0, column);
            }

            if (c == '\\')
            {
                if (++_at == text.Length) { break; }
                c = text[_at] switch
                {
                    'n' => '\n',
                    't' => '\t',
                    '\\' or '"' or '\'' => text[_at],
                    var other => throw ExpressionParser.Failure(_at, $"\\{other} is no escape; there are \\n, \\t, \\\\, \\\" and \\'"),
                };
            }

            content.Append(c);
        }

        throw ExpressionParser.Failure(column, $"the text that begins with {quote} has no end");
    }
}
