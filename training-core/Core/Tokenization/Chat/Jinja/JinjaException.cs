namespace Ctwa.Training.Tokenization.Chat.Jinja;

/// <summary>A template that cannot be read, or cannot be rendered with what it was given.</summary>
/// <param name="message">What is wrong, without the place.</param>
/// <param name="position">Index in the template's text, its newlines being one character each.</param>
internal sealed class JinjaException(string message, int position) : Exception(message)
{
    public int Position { get; } = position;
}
