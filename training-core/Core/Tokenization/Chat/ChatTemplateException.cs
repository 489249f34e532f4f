namespace Ctwa.Training.Tokenization.Chat;

/// <summary>A chat template is malformed, uses something that is not supported, or refuses a conversation.</summary>
public sealed class ChatTemplateException : FormatException
{
    public ChatTemplateException() { }

    public ChatTemplateException(string message) : base(message) { }

    public ChatTemplateException(string message, Exception inner) : base(message, inner) { }

    internal ChatTemplateException(string source, int line, int column, string what, Exception inner)
        : base(FormattableString.Invariant($"{source}({line},{column}): {what}."), inner) => (Line, Column) = (line, column);

    /// <summary>Line of the template, from 1; 0: the error has no place in it.</summary>
    public int Line { get; }

    /// <summary>Column in that line, in UTF-16 units from 1.</summary>
    public int Column { get; }
}
