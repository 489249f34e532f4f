using System.CommandLine;
using System.CommandLine.Invocation;

namespace Ctwa.Client.Shell;

/// <summary>A command line that cannot be understood. Compiled into client and silo, so that all verbs say it alike.</summary>
internal static class ParseMistake
{
    /// <summary>Whether there is one; help and version may be asked for with half a command line.</summary>
    public static bool Is(ParseResult parsed) => parsed.Errors.Count > 0 && parsed.Action is null or ParseErrorAction;

    /// <summary>Says what is wrong, with near words, and where to read what is accepted.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="error">Error stream: a pipe must not take it for a result.</param>
    /// <param name="help">Followed by the whole help.</param>
    public static async Task TellAsync(ParseResult parsed, TextWriter error, bool help)
    {
        using var text = new StringWriter();
        if (parsed.Action is ParseErrorAction action) { action.ShowHelp = help; }
        await parsed.InvokeAsync(new InvocationConfiguration { Output = text, Error = text, EnableDefaultExceptionHandler = false });
        await error.WriteLineAsync("error: " + (help ? text.ToString().Trim() : Shorten(text.ToString().Trim())));
        if (!help) { await error.WriteLineAsync($"See: {string.Join(' ', Path(parsed.CommandResult.Command))} --help"); }
    }

    /// <summary>What helps: near words alone where there are some, and no word about a verb that is missing where one is wrong.</summary>
    private static string Shorten(string text)
    {
        text = text.Replace("\r", "", StringComparison.Ordinal).Replace("\n\t", " ", StringComparison.Ordinal);
        if (text.Contains("Did you mean", StringComparison.Ordinal)) { return text.Split("\n\n")[0]; }
        string[] lines = text.Split('\n');
        return lines.Length > 1 && lines[0].StartsWith("Required command", StringComparison.Ordinal) ? string.Join('\n', lines[1..]) : text;
    }

    private static IEnumerable<string> Path(Command command)
    {
        var names = new List<string>();
        for (Command? one = command; one is not null; one = one.Parents.OfType<Command>().FirstOrDefault()) { names.Insert(0, one is RootCommand ? "ctwa" : one.Name); }
        return names;
    }
}
