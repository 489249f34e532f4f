namespace Ctwa.Training.Tokenization;

/// <summary>A text holds a character that the tokenizer cannot express: a byte its vocabulary lacks, or half a surrogate pair.</summary>
/// <param name="message">Names the character, its position and what to do.</param>
/// <param name="position">Index of the character, in UTF-16 units, in the text as the message describes it.</param>
public sealed class UnencodableTextException(string message, int position) : ArgumentException(message)
{
    /// <summary>Index of the character, in UTF-16 units, in the text as the message describes it.</summary>
    public int Position { get; } = position;
}
