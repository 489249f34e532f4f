namespace Ctwa.Training.Specification;

/// <summary>Text of files in error messages: what a terminal would obey rather than show is replaced.</summary>
public static class ErrorText
{
    /// <summary>The text without control characters and lone surrogates; the line breaks of a list of findings stay.</summary>
    public static string Printable(string text)
    {
        if (!text.Any(IsUnsafe)) { return text; }
        return string.Create(text.Length, text, (shown, from) =>
        {
            for (int i = 0; i < shown.Length; i++) { shown[i] = IsUnsafe(from[i]) ? '?' : from[i]; }
        });
    }

    private static bool IsUnsafe(char c) => (char.IsControl(c) && c is not ('\n' or '\r')) || char.IsSurrogate(c);
}
