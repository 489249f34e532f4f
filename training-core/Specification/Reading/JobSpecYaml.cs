using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Ctwa.Training.Specification;

/// <summary>Writes jobs as YAML: the <c>job.yaml</c> of a run directory.</summary>
public static partial class JobSpecYaml
{
    /// <summary>
    /// The job with every default, one key a line, lists of numbers in brackets. Reads back to an equal job; keys
    /// without a value (null) are left out.
    /// </summary>
    public static string Write(JobSpec spec)
    {
        var text = new StringBuilder("# The resolved job: every setting of the run, defaults included.\n");
        var json = JsonSerializer.SerializeToNode(spec, JobSpecJson.Options)!.AsObject();
        Mapping(text, json, 0, indentFirst: true);
        return text.ToString();
    }

    private static void Mapping(StringBuilder text, JsonObject map, int indent, bool indentFirst)
    {
        foreach (var (key, value) in map)
        {
            if (indentFirst) { text.Append(' ', indent); }
            indentFirst = true;
            text.Append(key).Append(':');
            Value(text, value!, indent + 2);
        }
    }

    private static void Value(StringBuilder text, JsonNode value, int indent)
    {
        switch (value)
        {
            case JsonObject { Count: > 0 } map:
                text.Append('\n');
                Mapping(text, map, indent, indentFirst: true);
                break;
            case JsonArray list when list.Any(i => i is JsonObject):
                text.Append('\n');
                foreach (var item in list)
                {
                    text.Append(' ', indent).Append("- ");
                    Mapping(text, item!.AsObject(), indent + 2, indentFirst: false);
                }

                break;
            case JsonArray list:
                text.Append(" [").AppendJoin(", ", list.Select(i => Scalar(i!))).Append("]\n");
                break;
            default:
                text.Append(' ').Append(value is JsonObject ? "{}" : Scalar(value)).Append('\n');
                break;
        }
    }

    private static string Scalar(JsonNode value)
    {
        if (value.GetValueKind() != JsonValueKind.String) { return value.ToJsonString().Replace('E', 'e'); }
        string text = value.GetValue<string>();
        // JSON's quoting is a part of YAML's.
        return PlainForm().IsMatch(text) && JobScalar.Resolve(text) == JobScalarType.Text ? text : value.ToJsonString(JobSpecJson.Options);
    }

    [GeneratedRegex(@"^[A-Za-z0-9_./][A-Za-z0-9_./-]*\z", RegexOptions.CultureInvariant)]
    private static partial Regex PlainForm();
}
