using System.Text;

namespace Ctwa.EndToEnd.Tests.Transcripts;

/// <summary>A command of a transcript and what it printed.</summary>
/// <param name="Command">A line for bash.</param>
/// <param name="Output">Both streams, masked; ends with the exit code in brackets if that is not 0.</param>
internal sealed record Exchange(string Command, IReadOnlyList<string> Output);

/// <summary>
/// A file that reads like a session at a terminal: comments begin with <c>#</c>, commands with <c>$ </c>, everything else is what the
/// command before printed. <c># grid</c> as the first line: a grid of one silo runs, and is the current context.
/// </summary>
/// <param name="Head">Comments before the first command.</param>
/// <param name="Exchanges">In their order.</param>
internal sealed record Transcript(IReadOnlyList<string> Head, IReadOnlyList<(IReadOnlyList<string> Comments, Exchange Exchange)> Exchanges)
{
    public bool NeedsGrid => Head is ["# grid", ..];

    /// <summary>It shows a success of a verb.</summary>
    public bool ShowsSuccess(string verb) => Of(verb).Any(exchange => exchange.Output is not [.., ['[', ..]]);

    /// <summary>It shows a mistake with a verb.</summary>
    public bool ShowsMistake(string verb) => Of(verb).Any(exchange => exchange.Output is [.., ['[', not '0', ..]]);

    public static Transcript Read(string path)
    {
        var head = new List<string>();
        var exchanges = new List<(IReadOnlyList<string>, Exchange)>();
        // Comments stand directly before a command.
        string[] lines = File.ReadAllLines(path);
        int at = 0;
        string[] pending = [];
        for (; at < lines.Length && !IsCommand(lines[at]); at++) { head.Add(lines[at]); }
        while (at < lines.Length)
        {
            string command = lines[at++][2..];
            int next = at;
            while (next < lines.Length && !IsCommand(lines[next])) { next++; }
            int end = next;
            while (next < lines.Length && end > at && lines[end - 1].StartsWith("# ", StringComparison.Ordinal)) { end--; }
            exchanges.Add(([.. pending], new Exchange(command, lines[at..end])));
            pending = lines[end..next];
            at = next;
        }

        return new Transcript(head, exchanges);
    }

    public string Write()
    {
        var text = new StringBuilder();
        foreach (string line in Head) { text.Append(line).Append('\n'); }
        foreach (var (comments, exchange) in Exchanges)
        {
            foreach (string line in comments) { text.Append(line).Append('\n'); }
            text.Append("$ ").Append(exchange.Command).Append('\n');
            foreach (string line in exchange.Output) { text.Append(line).Append('\n'); }
        }

        return text.ToString();
    }

    private static bool IsCommand(string line) => line.StartsWith("$ ", StringComparison.Ordinal);

    private IEnumerable<Exchange> Of(string verb) => Exchanges.Select(one => one.Exchange).Where(exchange => exchange.Command.Split(' ').Zip(exchange.Command.Split(' ').Skip(1)).Any(pair => pair == ("ctwa", verb)));
}
