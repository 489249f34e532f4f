using System.Text;

namespace Ctwa.Silo.Hosting.Options;

/// <summary>Files that options name. Errors tell the path, never what is in the file.</summary>
internal static class SecretFiles
{
    private const int LargestBytes = 4096;

    /// <summary>The first line of a file.</summary>
    /// <exception cref="FormatException">The part of the message after the option's name.</exception>
    public static string Line(string path, int leastBytes)
    {
        string text;
        try
        {
            var file = new FileInfo(Existing(path));
            if (file.Length > LargestBytes) { throw new FormatException($"names {path}, which has {file.Length} bytes; accepted are at most {LargestBytes}."); }
            text = File.ReadAllText(path, Encoding.UTF8);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FormatException($"names {path}, which cannot be read: {error.Message}", error);
        }

        string line = text.Split('\n')[0].Trim();
        return Encoding.UTF8.GetByteCount(line) >= leastBytes
            ? line
            : throw new FormatException($"names {path}, whose first line has {Encoding.UTF8.GetByteCount(line)} bytes; accepted are at least {leastBytes}.");
    }

    /// <summary>The absolute path of a file that is there.</summary>
    /// <exception cref="FormatException">It is not.</exception>
    public static string Existing(string path) => File.Exists(path)
        ? Path.GetFullPath(path)
        : throw new FormatException($"is '{path}', and there is no such file.");
}
