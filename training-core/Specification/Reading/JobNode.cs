using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Where something is written. Line 0: in <c>--set</c>.</summary>
internal readonly record struct JobMark(string Source, int Line, int Column);

/// <summary>A node of a job file: its value and its place.</summary>
internal abstract class JobNode(JobMark mark)
{
    public JobMark Mark { get; } = mark;

    /// <summary>What it is, for errors: "a list", "text", ...</summary>
    public abstract string Kind { get; }

    public abstract JobNode Clone();
}

/// <summary>A mapping in the order of the file; keys are unique.</summary>
internal sealed class JobMap(JobMark mark) : JobNode(mark)
{
    public List<JobEntry> Entries { get; } = [];

    public override string Kind => "a mapping";

    public JobEntry? Find(string key) => Entries.Find(e => e.Key == key);

    public void Set(string key, JobMark keyMark, JobNode value)
    {
        int at = Entries.FindIndex(e => e.Key == key);
        var entry = new JobEntry(key, keyMark, value);
        if (at < 0) { Entries.Add(entry); } else { Entries[at] = entry; }
    }

    public override JobNode Clone()
    {
        var copy = new JobMap(Mark);
        copy.Entries.AddRange(Entries.Select(e => e with { Value = e.Value.Clone() }));
        return copy;
    }
}

internal sealed record JobEntry(string Key, JobMark Mark, JobNode Value);

internal sealed class JobList(JobMark mark) : JobNode(mark)
{
    public List<JobNode> Items { get; } = [];

    public override string Kind => "a list";

    public override JobNode Clone()
    {
        var copy = new JobList(Mark);
        copy.Items.AddRange(Items.Select(i => i.Clone()));
        return copy;
    }
}

internal enum JobScalarType { Null, Bool, Whole, Number, Text }

/// <summary>A scalar, resolved by the core schema of YAML 1.2.2, section 10.3.2: <c>yes</c> and <c>1_000</c> are text.</summary>
internal sealed partial class JobScalar : JobNode
{
    public JobScalar(JobMark mark, string text, bool plain) : base(mark)
    {
        Text = text;
        Plain = plain;
        Type = plain ? Resolve(text) : JobScalarType.Text;
    }

    public string Text { get; }

    /// <summary>Written without quotes.</summary>
    public bool Plain { get; }

    public JobScalarType Type { get; }

    public override string Kind => Type switch
    {
        JobScalarType.Null => "null",
        JobScalarType.Bool => "a boolean",
        JobScalarType.Whole or JobScalarType.Number => "a number",
        _ => "text",
    };

    /// <summary>The text for an error: cut, without control characters, quoted if it was quoted.</summary>
    public string Shown => Type == JobScalarType.Null ? "null" : Type == JobScalarType.Text ? SafetensorsHeader.Quote(Text) : Text;

    public bool BoolValue => Text[0] is 't' or 'T';

    /// <summary>The value of a whole number, or of a number like 1e3 that is whole.</summary>
    public bool TryWhole(out BigInteger value)
    {
        value = default;
        if (Type == JobScalarType.Whole) { return TryParseWhole(out value); }
        if (Type != JobScalarType.Number || !double.IsInteger(NumberValue)) { return false; }
        value = new BigInteger(NumberValue);
        return true;
    }

    /// <summary>The value of a number; may be infinite or NaN.</summary>
    public double NumberValue
    {
        get
        {
            if (Text.StartsWith("0x", StringComparison.Ordinal) || Text.StartsWith("0o", StringComparison.Ordinal)) { return TryParseWhole(out var whole) ? (double)whole : double.PositiveInfinity; }
            string bare = Text.TrimStart('+', '-').ToLowerInvariant();
            return bare switch
            {
                ".nan" => double.NaN,
                ".inf" => Text[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity,
                _ => double.Parse(Text, NumberStyles.Float, CultureInfo.InvariantCulture),
            };
        }
    }

    public override JobNode Clone() => this;

    internal static JobScalarType Resolve(string text) =>
        text is "" or "~" or "null" or "Null" or "NULL" ? JobScalarType.Null
        : text is "true" or "True" or "TRUE" or "false" or "False" or "FALSE" ? JobScalarType.Bool
        : WholeForm().IsMatch(text) ? JobScalarType.Whole
        : NumberForm().IsMatch(text) ? JobScalarType.Number
        : JobScalarType.Text;

    private bool TryParseWhole(out BigInteger value)
    {
        value = default;
        // Nothing in a job has more digits; parsing a line full of them would be quadratic.
        if (Text.Length > 40) { return false; }
        if (Text.StartsWith("0x", StringComparison.Ordinal)) { return BigInteger.TryParse("0" + Text[2..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value); }
        if (!Text.StartsWith("0o", StringComparison.Ordinal)) { return BigInteger.TryParse(Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value); }
        foreach (char digit in Text.AsSpan(2)) { value = value * 8 + (digit - '0'); }
        return true;
    }

    [GeneratedRegex(@"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex WholeForm();

    [GeneratedRegex(@"^(?:[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z", RegexOptions.CultureInvariant)]
    private static partial Regex NumberForm();
}
