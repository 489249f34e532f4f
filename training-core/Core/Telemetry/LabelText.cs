using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace Ctwa.Training.Telemetry;

/// <summary>Texts from outside as values of labels: bounded, and without characters that could change a terminal or a page.</summary>
internal static class LabelText
{
    /// <summary>Longest value.</summary>
    public const int Most = 96;

    private const int Kept = 79;

    /// <summary>The text itself, if it is short and plain; else its beginning and a hash that tells it from others.</summary>
    public static string Bounded(string text)
    {
        string plain = text.Any(char.IsControl) ? new string([.. text.Select(c => char.IsControl(c) ? '?' : c)]) : text;
        if (plain.Length <= Most) { return plain; }
        int end = char.IsHighSurrogate(plain[Kept - 1]) ? Kept - 1 : Kept;
        return string.Create(CultureInfo.InvariantCulture, $"{plain[..end]}~{XxHash64.HashToUInt64(Encoding.UTF8.GetBytes(text)):x16}");
    }
}
