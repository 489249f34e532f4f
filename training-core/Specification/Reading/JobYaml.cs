using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Ctwa.Training.Specification;

/// <summary>YAML text as a tree of positioned nodes. Anything but one plain document of mappings, lists and scalars is refused.</summary>
internal sealed partial class JobYaml
{
    private const int MaxDepth = 24;
    private const int MaxNodes = 20_000;

    private readonly string source;
    private readonly bool inFile;
    private readonly Parser parser;
    private readonly Dictionary<string, JobNode?> anchors = new(StringComparer.Ordinal);
    private readonly List<JobError> errors;
    private int nodes;

    private JobYaml(string source, bool inFile, string text, List<JobError> errors)
    {
        this.source = source;
        this.inFile = inFile;
        this.errors = errors;
        parser = new Parser(new StringReader(text));
    }

    /// <summary>
    /// The root node, or null after adding what is wrong. Text that is no YAML gives one error; duplicate keys give
    /// one each and the first value is kept.
    /// </summary>
    /// <param name="source">File name, or the text of a <c>--set</c>.</param>
    /// <param name="inFile">Whether lines and columns mean anything.</param>
    public static JobNode? Parse(string source, bool inFile, string text, List<JobError> errors)
    {
        var yaml = new JobYaml(source, inFile, text, errors);
        try { return yaml.Document(); }
        catch (YamlException e)
        {
            // Some complaints begin where a mapping begins; their end is where the parser stopped.
            var mark = e.End.Line > e.Start.Line ? e.End : e.Start;
            string complaint = (e.InnerException?.Message ?? e.Message).Trim().TrimEnd('.');
            errors.Add(yaml.Explain(text, (int)mark.Line, (int)mark.Column, PositionPrefix().Replace(complaint, "")));
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or IndexOutOfRangeException or NullReferenceException)
        {
            // YamlDotNet's own slips on malformed text, such as a flow mapping that never ends.
            var mark = yaml.parser.Current?.End ?? Mark.Empty;
            errors.Add(yaml.Explain(text, (int)mark.Line, (int)mark.Column, "the text after here cannot be understood; look for a bracket, brace or quote that is not closed"));
            return null;
        }
        catch (YamlRefusal e)
        {
            errors.Add(new JobError(e.Mark.Source, e.Mark.Line, e.Mark.Column, "", e.Message));
            return null;
        }
    }

    private JobNode? Document()
    {
        parser.Consume<StreamStart>();
        if (parser.TryConsume<StreamEnd>(out _)) { return null; }
        parser.Consume<DocumentStart>();
        var root = Node(0);
        parser.Consume<DocumentEnd>();
        if (parser.TryConsume<StreamEnd>(out _)) { return root; }
        throw new YamlRefusal(At(parser.Current!), "a second YAML document begins here; a job file holds one. Put the jobs into separate files.");
    }

    private JobNode Node(int depth)
    {
        var start = parser.Current!;
        if (++nodes > MaxNodes) { throw new YamlRefusal(At(start), $"more than {MaxNodes} values, aliases counted at every use; no job needs so many."); }
        if (depth > MaxDepth) { throw new YamlRefusal(At(start), $"nested deeper than {MaxDepth} levels; no job needs that."); }
        if (start is NodeEvent { Tag.IsEmpty: false } tagged) { throw new YamlRefusal(At(start), $"the tag {SafetensorsHeader.Quote(tagged.Tag.Value)} is not supported; write the value without a tag."); }
        string? anchor = start is NodeEvent { Anchor.IsEmpty: false } named ? named.Anchor.Value : null;
        if (anchor is not null) { anchors[anchor] = null; }
        var node = start switch
        {
            MappingStart => Mapping(depth),
            SequenceStart => Sequence(depth),
            AnchorAlias => Alias(),
            _ => Scalar(),
        };
        if (anchor is not null) { anchors[anchor] = node; }
        return node;
    }

    private JobMap Mapping(int depth)
    {
        var map = new JobMap(At(parser.Consume<MappingStart>()));
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (parser.Current is not YamlDotNet.Core.Events.Scalar key) { throw new YamlRefusal(At(parser.Current!), "a key must be plain text, not a mapping, a list or an alias."); }
            var mark = At(key);
            parser.MoveNext();
            if (key.Value == "<<" && key.IsPlainImplicit) { throw new YamlRefusal(mark, "the merge key '<<' is not part of YAML 1.2; write the keys out, or use an alias for a whole value."); }
            var value = Node(depth + 1);
            if (map.Find(key.Value) is { } first) { errors.Add(new JobError(mark.Source, mark.Line, mark.Column, "", $"the key {SafetensorsHeader.Quote(key.Value)} is given twice{(inFile ? $", first in line {first.Mark.Line}" : "")}; remove one.")); }
            else { map.Entries.Add(new JobEntry(key.Value, mark, value)); }
        }

        return map;
    }

    private JobList Sequence(int depth)
    {
        var list = new JobList(At(parser.Consume<SequenceStart>()));
        while (!parser.TryConsume<SequenceEnd>(out _)) { list.Items.Add(Node(depth + 1)); }
        return list;
    }

    private JobNode Alias()
    {
        var alias = parser.Consume<AnchorAlias>();
        if (!anchors.TryGetValue(alias.Value.Value, out var target)) { throw new YamlRefusal(At(alias), $"the alias '*{alias.Value.Value}' has no anchor '&{alias.Value.Value}' before it."); }
        if (target is null) { throw new YamlRefusal(At(alias), $"the alias '*{alias.Value.Value}' lies inside its own anchor."); }
        nodes += Size(target);
        if (nodes > MaxNodes) { throw new YamlRefusal(At(alias), $"more than {MaxNodes} values, aliases counted at every use; no job needs so many."); }
        // A copy: --set may change one use without the other.
        return target.Clone();
    }

    private JobScalar Scalar()
    {
        var scalar = parser.Consume<YamlDotNet.Core.Events.Scalar>();
        return new JobScalar(At(scalar), scalar.Value, scalar.Style is ScalarStyle.Plain or ScalarStyle.Any);
    }

    private JobMark At(ParsingEvent e) => inFile ? new JobMark(source, (int)e.Start.Line, (int)e.Start.Column) : new JobMark(source, 0, 0);

    private static int Size(JobNode node) => node switch
    {
        JobMap map => 1 + map.Entries.Sum(e => Size(e.Value)),
        JobList list => 1 + list.Items.Sum(Size),
        _ => 1,
    };

    /// <summary>The parser's complaint. A tab as indentation is named as such: the parser reports its consequences.</summary>
    private JobError Explain(string text, int line, int column, string complaint)
    {
        string[] lines = text.Split('\n');
        int last = complaint.Contains(" tab ", StringComparison.Ordinal) ? lines.Length : Math.Min(line + 1, lines.Length);
        for (int i = 0; i < last; i++)
        {
            if (TabIndent().Match(lines[i]) is { Success: true } tab) { return new JobError(source, inFile ? i + 1 : 0, tab.Length, "", "a tab in the indentation; YAML indents with spaces."); }
        }

        return new JobError(source, inFile ? Math.Max(1, line) : 0, Math.Max(1, column), "", $"not valid YAML: {complaint}.");
    }

    [GeneratedRegex(@"^ *\t", RegexOptions.CultureInvariant)]
    private static partial Regex TabIndent();

    [GeneratedRegex(@"^\(Line: .*?\) - \(Line: .*?\): ", RegexOptions.CultureInvariant)]
    private static partial Regex PositionPrefix();

    private sealed class YamlRefusal(JobMark mark, string message) : Exception(message)
    {
        public JobMark Mark { get; } = mark;
    }
}
