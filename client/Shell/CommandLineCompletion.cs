using System.CommandLine;
using System.CommandLine.Completions;

namespace Ctwa.Client.Shell;

/// <summary>What may follow on a command line. Compiled into client and silo: each completes its own verbs.</summary>
internal static class CommandLineCompletion
{
    /// <summary>First argument that asks for it: <c>complete -- WORDS</c>.</summary>
    public const string Word = "complete";

    /// <summary>Candidates for the last of the words, which may be empty; what is none of ours is for the shell to complete, as a file.</summary>
    /// <param name="root">All verbs.</param>
    /// <param name="words">The command line up to the cursor, without the program.</param>
    /// <returns>Lines of value, tab, description.</returns>
    public static IEnumerable<string> Lines(Command root, IReadOnlyList<string> words)
    {
        string last = words.Count > 0 ? words[^1] : "";
        string text = string.Concat(words.SkipLast(1).Select(word => Quote(word) + " ")) + last;
        IEnumerable<CompletionItem> items;
        try { items = root.Parse(text).GetCompletions(text.Length); }
        // Half a command line may be anything.
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException) { return []; }
        return items
            .Where(item => item.Label.StartsWith(last, StringComparison.Ordinal) && (IsOption(item.Label) ? last.StartsWith('-') && item.Label.StartsWith("--", StringComparison.Ordinal) : true))
            .DistinctBy(item => item.Label)
            .OrderBy(item => item.Label, StringComparer.Ordinal)
            .Select(item => $"{item.Label}\t{(item.Detail ?? "").Split('\n')[0].Replace('\t', ' ')}");
    }

    /// <summary>The words after <see cref="Word"/> and the mark that ends options.</summary>
    public static string[] WordsOf(string[] arguments) => arguments is [_, "--", ..] ? arguments[2..] : arguments[1..];

    private static bool IsOption(string label) => label.StartsWith('-') || label.StartsWith('/');

    private static string Quote(string word) => word.Length == 0 || word.Any(char.IsWhiteSpace) ? $"\"{word.Replace("\"", "\\\"", StringComparison.Ordinal)}\"" : word;
}
