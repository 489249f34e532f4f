using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Ctwa.Training.Specification.Tests;

/// <summary>All keys of a job file as Markdown tables, one per record, from the same contract as the reader and the schema.</summary>
internal static class JobKeyTables
{
    private sealed record Section(Type Type, List<string> Places);

    public static string Write()
    {
        var text = new StringBuilder();
        foreach (var section in Sections())
        {
            var info = Info(section.Type);
            text.Append("\n### ").AppendJoin(", ", section.Places.Select(place => place.Length == 0 ? "The job" : $"`{place}`")).Append("\n\n| key | value | default | meaning |\n|---|---|---|---|\n");
            if (info.PolymorphismOptions is not { } family)
            {
                Rows(text, info, info.Properties);
                continue;
            }

            string words = string.Join(", ", family.DerivedTypes.Select(derived => $"`{derived.TypeDiscriminator}`"));
            text.Append(CultureInfo.InvariantCulture, $"| `{family.TypeDiscriminatorPropertyName}` | {words} | required | Chooses which of these it is. |\n");
            string[] shared = [.. info.Properties.Select(property => property.Name)];
            var first = Info(family.DerivedTypes[0].DerivedType);
            Rows(text, first, first.Properties.Where(property => shared.Contains(property.Name)));
            foreach (var derived in family.DerivedTypes)
            {
                var own = Info(derived.DerivedType);
                Rows(text, own, own.Properties.Where(property => !shared.Contains(property.Name)), $"`{family.TypeDiscriminatorPropertyName}: {derived.TypeDiscriminator}`. ");
            }
        }

        return text.ToString()[1..] + "\n";
    }

    /// <summary>Records in the order in which the job first mentions them, each with every place where it stands.</summary>
    private static List<Section> Sections()
    {
        var sections = new List<Section>();
        void Visit(Type type, string place)
        {
            type = Nullable.GetUnderlyingType(type) ?? type;
            var info = Info(type);
            if (info.Kind == JsonTypeInfoKind.Enumerable) { Visit(info.ElementType!, place + "[]"); }
            if (info.Kind != JsonTypeInfoKind.Object) { return; }
            if (sections.Find(section => section.Type == type) is { } known) { known.Places.Add(place); }
            else { sections.Add(new Section(type, [place])); }
            foreach (var property in info.Properties) { Visit(property.PropertyType, place.Length == 0 ? property.Name : $"{place}.{property.Name}"); }
        }

        Visit(typeof(JobSpec), "");
        return sections;
    }

    private static void Rows(StringBuilder text, JsonTypeInfo info, IEnumerable<JsonPropertyInfo> properties, string prefix = "")
    {
        object defaults = Activator.CreateInstance(info.Type)!;
        foreach (var property in properties)
        {
            string meaning = JobWalker.Attribute<DescriptionAttribute>(property)?.Description ?? "";
            text.Append(CultureInfo.InvariantCulture, $"| `{property.Name}` | {Value(property)} | {Default(property, defaults)} | {prefix}{meaning.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
        }
    }

    private static string Value(JsonPropertyInfo property)
    {
        var type = Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType;
        var info = Info(type);
        if (type == typeof(NumberOrList)) { return "number, or list with one per objective"; }
        if (type.IsEnum) { return string.Join(", ", Enum.GetNames(type).Select(name => $"`{JsonNamingPolicy.SnakeCaseLower.ConvertName(name)}`")); }
        if (info.Kind == JsonTypeInfoKind.Object) { return "mapping, see below"; }
        if (info.Kind == JsonTypeInfoKind.Dictionary) { return "mapping of names to `true`, `false`, numbers or texts"; }
        if (info.Kind == JsonTypeInfoKind.Enumerable)
        {
            string length = JobWalker.Attribute<LengthAttribute>(property) is { } bound ? FormattableString.Invariant($" of {bound.MinimumLength}") : "";
            return Info(info.ElementType!).Kind == JsonTypeInfoKind.Object ? "list of mappings, see below" : info.ElementType == typeof(string) ? "list of texts" : $"list{length} numbers";
        }

        if (type == typeof(bool)) { return "`true`, `false`"; }
        if (type == typeof(string)) { return JobWalker.Attribute<RegularExpressionAttribute>(property) is { } pattern ? $"text, `{pattern.Pattern}`" : "text"; }
        string kind = type == typeof(double) ? "number" : "whole number";
        return JobWalker.Attribute<RangeAttribute>(property) is { } range ? $"{kind}, {Limit(range.Minimum)} to {Limit(range.Maximum)}" : kind;
    }

    // A long's largest value reaches the attribute as a double, which rounds it.
    private static string Limit(object limit) => Convert.ToDouble(limit, CultureInfo.InvariantCulture) is >= long.MaxValue ? "9223372036854775807" : Convert.ToString(limit, CultureInfo.InvariantCulture)!;

    private static string Default(JsonPropertyInfo property, object defaults)
    {
        if (property.IsRequired) { return "required"; }
        object? value = property.Get!(defaults);
        var kind = Info(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType).Kind;
        if (value is null) { return "none"; }
        if (value is ScalarizerSpec) { return "`{method: linear}`"; }
        return kind == JsonTypeInfoKind.Object && value is not NumberOrList ? "its own defaults" : $"`{JsonSerializer.Serialize(value, property.PropertyType, JobSpecJson.Options).Trim('"').Replace(",", ", ", StringComparison.Ordinal)}`";
    }

    private static JsonTypeInfo Info(Type type) => JobSpecJson.Options.GetTypeInfo(type);
}
