using System.Globalization;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Dotted paths such as <c>objectives[1].weight</c>.</summary>
internal static partial class JobPath
{
    /// <summary>The path of a key below another path.</summary>
    public static string Join(string parent, string key) => parent.Length == 0 ? key : $"{parent}.{key}";

    public static string Index(string parent, int index) => string.Create(CultureInfo.InvariantCulture, $"{parent}[{index}]");

    /// <summary>Keys and indices of a path, or null if it has another form. An index beyond any list is -1.</summary>
    public static List<(string Key, List<int> Indices)>? Split(string path)
    {
        var parts = new List<(string, List<int>)>();
        foreach (string part in path.Split('.'))
        {
            var match = Segment().Match(part);
            if (!match.Success) { return null; }
            parts.Add((match.Groups[1].Value, [.. match.Groups[2].Captures.Select(c => int.TryParse(c.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int i) ? i : -1)]));
        }

        return parts;
    }

    /// <summary>Whether one of two paths contains the other.</summary>
    public static bool Overlap(string a, string b) => Contains(a, b) || Contains(b, a);

    /// <summary>Where a path is written: a scalar's value, a mapping's or a list's key; if absent, its nearest ancestor.</summary>
    public static JobMark Locate(JobMap root, string path)
    {
        var mark = root.Entries.Count > 0 ? root.Entries[0].Mark : root.Mark;
        JobNode node = root;
        if (path.Length == 0 || Split(path) is not { } parts) { return mark; }
        foreach (var (key, indices) in parts)
        {
            if ((node as JobMap)?.Find(key) is not { } entry) { return mark; }
            node = entry.Value;
            mark = node is JobScalar ? node.Mark : entry.Mark;
            foreach (int index in indices)
            {
                if (node is not JobList list || index < 0 || index >= list.Items.Count) { return mark; }
                node = list.Items[index];
                mark = node.Mark;
            }
        }

        return mark;
    }

    /// <summary>A finding with the place of its path.</summary>
    public static JobError ErrorAt(JobMap root, JobFinding finding)
    {
        var mark = Locate(root, finding.Path);
        return new JobError(mark.Source, mark.Line, mark.Column, finding.Path, finding.Message);
    }

    private static bool Contains(string outer, string inner) =>
        outer.Length == 0 || (inner.StartsWith(outer, StringComparison.Ordinal) && (inner.Length == outer.Length || inner[outer.Length] is '.' or '['));

    [GeneratedRegex(@"^([^.\[\]=\s]+)(?:\[([0-9]+)\])*\z", RegexOptions.CultureInvariant)]
    private static partial Regex Segment();
}
