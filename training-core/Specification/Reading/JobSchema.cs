using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Ctwa.Training.Specification;

/// <summary>The JSON schema of job files, for editors; exported from the records, so that it cannot contradict them.</summary>
public static class JobSchema
{
    /// <summary>The schema as committed in docs/ctwa.schema.json.</summary>
    public static string Json()
    {
        var schema = JobSpecJson.Options.GetJsonSchemaAsNode(typeof(JobSpec), new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Annotate }).AsObject();
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "title", "Ctwa.Orleans job");
        return schema.ToJsonString(new JsonSerializerOptions(JobSpecJson.Options) { WriteIndented = true, NewLine = "\n" }) + "\n";
    }

    private static JsonNode Annotate(JsonSchemaExporterContext context, JsonNode node)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        if (type == typeof(NumberOrList)) { node = Either(context.PropertyInfo); }
        if (type == typeof(JsonElement)) { return new JsonObject { ["type"] = new JsonArray("boolean", "number", "string") }; }
        if (node is not JsonObject schema) { return node; }
        var property = context.PropertyInfo;
        if (JobWalker.Attribute<RangeAttribute>(property) is { } range && type != typeof(NumberOrList))
        {
            schema["minimum"] = Number(range.Minimum);
            schema["maximum"] = Number(range.Maximum);
        }

        if (JobWalker.Attribute<RegularExpressionAttribute>(property) is { } pattern) { schema["pattern"] = pattern.Pattern; }
        if (JobWalker.Attribute<LengthAttribute>(property) is { } length) { (schema["minItems"], schema["maxItems"]) = (length.MinimumLength, length.MaximumLength); }
        string? description = JobWalker.Attribute<DescriptionAttribute>(property)?.Description ?? type.GetCustomAttribute<DescriptionAttribute>()?.Description;
        if (description is not null) { schema.Insert(0, "description", description); }
        return schema;
    }

    private static JsonObject Either(JsonPropertyInfo? property) => new()
    {
        ["anyOf"] = new JsonArray([new JsonObject { ["type"] = "number" }, new JsonObject { ["type"] = "array", ["items"] = new JsonObject { ["type"] = "number" } }, .. property?.IsGetNullable == true ? [new JsonObject { ["type"] = "null" }] : Array.Empty<JsonNode>()]),
    };

    // Whole limits are written whole; a long's largest value would be rounded as a double.
    private static JsonNode Number(object limit)
    {
        double number = Convert.ToDouble(limit, CultureInfo.InvariantCulture);
        if (number >= long.MaxValue) { return long.MaxValue; }
        return double.IsInteger(number) ? (long)number : number;
    }
}
