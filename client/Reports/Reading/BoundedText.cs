using System.Text;

namespace Ctwa.Client.Reports.Reading;

/// <summary>Texts of files that may be anything: never more of them than is needed.</summary>
internal static class BoundedText
{
    /// <summary>The beginning of a file as UTF-8 text; null if there is none.</summary>
    /// <param name="cut">There is more than that.</param>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static string? Head(string path, int bytes, out bool cut)
    {
        cut = false;
        if (!File.Exists(path)) { return null; }
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        byte[] buffer = new byte[(int)Math.Min(bytes, Math.Max(stream.Length, 1))];
        int read = stream.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        cut = stream.ReadByte() >= 0;
        return Encoding.UTF8.GetString(buffer, 0, read);
    }

    /// <summary>At most so many characters, with a note of how many are left out.</summary>
    public static string Shorten(string text, int most)
    {
        if (text.Length <= most) { return text; }
        int end = char.IsHighSurrogate(text[most - 1]) ? most - 1 : most;
        return FormattableString.Invariant($"{text[..end]} … ({text.Length - end:N0} more characters)");
    }
}
