namespace Ctwa.Training.Tokenization.Chat.Jinja;

internal enum JinjaTokenKind { Text, VariableBegin, VariableEnd, BlockBegin, BlockEnd, Name, String, Integer, Float, Operator, End }

/// <summary>A piece of a template.</summary>
/// <param name="Text">As read: a string without its quotes and with its escapes resolved, text with whitespace control applied.</param>
/// <param name="Position">Where it starts.</param>
internal readonly record struct JinjaToken(JinjaTokenKind Kind, string Text, int Position)
{
    public bool Is(JinjaTokenKind kind, string text) => Kind == kind && Text == text;

    /// <summary>For errors.</summary>
    public string Shown => Kind switch
    {
        JinjaTokenKind.End => "the end of the template",
        JinjaTokenKind.BlockEnd => "'%}'",
        JinjaTokenKind.VariableEnd => "'}}'",
        JinjaTokenKind.Text => "text",
        JinjaTokenKind.BlockBegin => "'{%'",
        JinjaTokenKind.VariableBegin => "'{{'",
        _ => $"'{(Text.Length > 40 ? Text[..40] + "..." : Text)}'",
    };
}
