using System.Text.RegularExpressions;
using Ctwa.TestKit;
using Xunit;

namespace Ctwa.Client.Tests;

/// <summary>What the pages for users say is there, is there.</summary>
public sealed partial class DocumentsTests
{
    // Shorter pieces between two values of a message are in every program.
    private const int ShortestPiece = 8;

    private static readonly string s_docs = Path.Combine(Checkout.Root, "docs");

    [Fact]
    public void Every_message_that_the_page_on_troubles_quotes_is_one_of_the_programs()
    {
        string sources = string.Concat(((string[])["client", "silo", "grains", "training-core"]).SelectMany(room => Directory.EnumerateFiles(Path.Combine(Checkout.Root, room), "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText)).Replace("\\\"", "\"", StringComparison.Ordinal);
        string[] messages = [.. Message().Matches(File.ReadAllText(Path.Combine(s_docs, "troubleshooting.md"))).Select(match => match.Groups[1].Value)];
        Assert.True(messages.Length > 40, $"only {messages.Length} messages were found.");
        string[] invented = [.. messages.Where(message => message.Split('…').Select(piece => piece.Trim()) is var pieces && (pieces.All(piece => piece.Length < ShortestPiece) || pieces.Any(piece => piece.Length >= ShortestPiece && !sources.Contains(piece, StringComparison.Ordinal))))];
        Assert.Empty(invented);
    }

    [Fact]
    public void The_page_on_troubles_has_something_for_every_exit_code()
    {
        string page = File.ReadAllText(Path.Combine(s_docs, "troubleshooting.md"));
        int[] codes = [.. Code().Matches(File.ReadAllText(Path.Combine(s_docs, "exit-codes.md"))).Select(match => int.Parse(match.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)).Distinct()];
        Assert.Contains(23, codes);
        // Ends that somebody asked for, and a comparison's, need no remedy of their own.
        Assert.All(codes.Except([0, 7, 10, 129, 130, 143]), code => Assert.Matches($@"\({code}(\)| |,)|, {code}\)|with {code}\b", page));
    }

    [Fact]
    public void Every_local_link_leads_somewhere()
    {
        string[] pages = [Path.Combine(Checkout.Root, "README.md"), .. Directory.EnumerateFiles(s_docs, "*.md", SearchOption.AllDirectories)];
        var broken = new List<string>();
        foreach (string page in pages)
        {
            foreach (Match link in Link().Matches(Fence().Replace(File.ReadAllText(page), "")))
            {
                string[] parts = link.Groups[1].Value.Split('#', 2);
                string target = parts[0].Length == 0 ? page : Path.GetFullPath(Path.Combine(Path.GetDirectoryName(page)!, Uri.UnescapeDataString(parts[0])));
                bool there = File.Exists(target) || Directory.Exists(target);
                if (there && parts is [_, { Length: > 0 } anchor] && target.EndsWith(".md", StringComparison.Ordinal)) { there = Anchors(target).Contains(anchor); }
                if (!there) { broken.Add($"{Path.GetRelativePath(Checkout.Root, page)}: {link.Groups[1].Value}"); }
            }
        }

        Assert.Empty(broken);
    }

    /// <summary>As GitHub makes them of headings; a second one of a name gets a number.</summary>
    private static HashSet<string> Anchors(string page)
    {
        var anchors = new HashSet<string>(StringComparer.Ordinal);
        foreach (Match heading in Heading().Matches(Fence().Replace(File.ReadAllText(page), "")))
        {
            string anchor = string.Concat(heading.Groups[1].Value.Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is '-' or '_' or ' ').Select(c => c == ' ' ? '-' : c));
            for (int i = 0; !anchors.Add(i == 0 ? anchor : $"{anchor}-{i}"); i++) { }
        }

        return anchors;
    }

    [GeneratedRegex(@"\*\*`([^`]+)`\*\*")]
    private static partial Regex Message();

    [GeneratedRegex(@"^\| (\d+) \|", RegexOptions.Multiline)]
    private static partial Regex Code();

    [GeneratedRegex(@"\]\((?!https?:|mailto:)([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("^#{1,6} (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Fence();
}
