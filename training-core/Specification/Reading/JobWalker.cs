using System.ComponentModel;
using System.ComponentModel.DataAnnotations;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;

namespace Ctwa.Training.Specification;

/// <summary>
/// Checks the tree of a job file against the records: keys, types, enum words, ranges, patterns, required keys. What
/// is right becomes JSON; what is wrong becomes an error and is left out, so that the rest is still checked.
/// </summary>
internal sealed class JobWalker(List<JobError> errors)
{
    /// <summary>Paths that are wrong or missing; rules over them would only repeat the error.</summary>
    public List<string> Broken { get; } = [];

    /// <summary>The valid part of the job as JSON.</summary>
    public JsonObject Walk(JobMap root) => (JsonObject?)Object(root, Info(typeof(JobSpec)), "", root.Entries.Count > 0 ? root.Entries[0].Mark : root.Mark) ?? [];

    private static JsonTypeInfo Info(Type type) => JobSpecJson.Options.GetTypeInfo(type);

    private JsonNode? Value(JobNode node, Type type, JsonPropertyInfo? property, string path, JobMark place)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(NumberOrList)) { return node is JobList many ? List(many, typeof(double), property, path) : Scalar(node, typeof(double), property, path, " or a list with one number per objective"); }
        var info = Info(type);
        return info.Kind switch
        {
            JsonTypeInfoKind.Object => Object(node, info, path, place),
            JsonTypeInfoKind.Enumerable => node is JobList list ? List(list, info.ElementType!, property, path) : Wrong(node, path, "a list"),
            JsonTypeInfoKind.Dictionary => Variables(node, path),
            _ => Scalar(node, type, property, path),
        };
    }

    private JsonNode? Object(JobNode node, JsonTypeInfo info, string path, JobMark place)
    {
        if (node is not JobMap map) { return Wrong(node, path, $"a mapping with keys such as {string.Join(", ", info.PolymorphismOptions?.TypeDiscriminatorPropertyName is { } d ? [d] : info.Properties.Take(3).Select(p => p.Name))}"); }
        var json = new JsonObject();
        string? discriminator = info.PolymorphismOptions?.TypeDiscriminatorPropertyName;
        if (info.PolymorphismOptions is { } family)
        {
            var chosen = Choose(map, family, path, place);
            if (chosen is null) { return null; }
            json[discriminator!] = (string)chosen.Value.TypeDiscriminator!;
            info = Info(chosen.Value.DerivedType);
            UnknownKeys(map, info, discriminator, family, path);
        }
        else { UnknownKeys(map, info, null, null, path); }

        foreach (var property in info.Properties)
        {
            string below = JobPath.Join(path, property.Name);
            var entry = map.Find(property.Name);
            if (entry is null)
            {
                // A mistyped key was already reported with this one as its suggestion.
                if (property.IsRequired && !Broken.Contains(below)) { Refuse(place, below, $"required key is missing. {Describe(property)}".TrimEnd()); }
                continue;
            }

            if (entry.Value is JobScalar { Type: JobScalarType.Null })
            {
                if (!property.IsSetNullable) { Refuse(entry.Value.Mark, below, "has no value; give one" + (property.IsRequired ? "." : ", or leave the key out for its default.")); }
                continue;
            }

            if (Value(entry.Value, property.PropertyType, property, below, entry.Mark) is { } value) { json[property.Name] = value; }
        }

        return json;
    }

    /// <summary>The record that the discriminator chooses.</summary>
    private JsonDerivedType? Choose(JobMap map, JsonPolymorphismOptions family, string path, JobMark place)
    {
        string key = family.TypeDiscriminatorPropertyName, below = JobPath.Join(path, key);
        string[] words = [.. family.DerivedTypes.Select(t => (string)t.TypeDiscriminator!)];
        if (map.Find(key) is not { } entry)
        {
            Refuse(place, below, $"required key is missing; one of: {string.Join(", ", words)}.");
            return null;
        }

        if (entry.Value is JobScalar scalar && Array.IndexOf(words, scalar.Text) is var at and >= 0) { return family.DerivedTypes[at]; }
        NotAWord(entry.Value, below, words);
        return null;
    }

    private void UnknownKeys(JobMap map, JsonTypeInfo info, string? discriminator, JsonPolymorphismOptions? family, string path)
    {
        foreach (var entry in map.Entries)
        {
            if (entry.Key == discriminator || info.Properties.Any(p => p.Name == entry.Key)) { continue; }
            // A key may hold anything; an error stays one readable line.
            string below = JobPath.Join(path, entry.Key.Length is 0 or > 100 || entry.Key.Any(char.IsControl) ? SafetensorsHeader.Quote(entry.Key) : entry.Key);
            string[] others = family is null ? [] : [.. family.DerivedTypes.Where(t => Info(t.DerivedType).Properties.Any(p => p.Name == entry.Key)).Select(t => (string)t.TypeDiscriminator!)];
            string[] known = [.. discriminator is null ? [] : new[] { discriminator }, .. info.Properties.Select(p => p.Name)];
            string? nearest = NearestKey.Find(entry.Key, known);
            string[] elsewhere = others.Length > 0 || nearest is not null ? [] : [.. JobKeys.PathsOf(entry.Key).Take(3)];
            string hint = others.Length > 0 ? $"belongs to {discriminator}: {string.Join(" or ", others)}, not to {discriminator}: {(map.Find(discriminator!)!.Value as JobScalar)!.Text}; remove it."
                : nearest is not null ? $"did you mean '{nearest}'?"
                : elsewhere.Length > 0 ? $"it belongs elsewhere: {string.Join(", ", elsewhere)}."
                : $"known are: {string.Join(", ", known)}.";
            Refuse(entry.Mark, below, others.Length > 0 ? hint : $"unknown key; {hint}");
            if (nearest is not null) { Broken.Add(JobPath.Join(path, nearest)); }
        }
    }

    private JsonArray List(JobList list, Type element, JsonPropertyInfo? property, string path)
    {
        if (Attribute<LengthAttribute>(property) is { } length && (list.Items.Count < length.MinimumLength || list.Items.Count > length.MaximumLength))
        {
            string expected = length.MinimumLength == length.MaximumLength ? $"{length.MinimumLength}" : $"{length.MinimumLength} to {length.MaximumLength}";
            Refuse(list.Mark, path, $"has {list.Items.Count} entries; expected are {expected}.");
        }

        var json = new JsonArray();
        for (int i = 0; i < list.Items.Count; i++)
        {
            string below = JobPath.Index(path, i);
            if (Value(list.Items[i], element, null, below, list.Items[i].Mark) is { } value) { json.Add(value); }
        }

        return json;
    }

    /// <summary>Names that the job chooses, each with a scalar.</summary>
    private JsonNode? Variables(JobNode node, string path)
    {
        if (node is not JobMap map) { return Wrong(node, path, "a mapping of names to values"); }
        var json = new JsonObject();
        foreach (var entry in map.Entries)
        {
            string below = JobPath.Join(path, entry.Key);
            if (entry.Key.Length is 0 or > 100 || !(char.IsAsciiLetter(entry.Key[0]) || entry.Key[0] == '_') || !entry.Key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_'))
            {
                Refuse(entry.Mark, path, $"has the name {SafetensorsHeader.Quote(entry.Key)}; a name consists of letters, digits and underscores, and begins with no digit.");
                continue;
            }

            var value = entry.Value switch
            {
                JobScalar { Type: JobScalarType.Bool } => Flag(entry.Value, below),
                JobScalar { Type: JobScalarType.Whole } => new JobNumbers(Refuse).Read(entry.Value, typeof(long), null, below, ""),
                JobScalar { Type: JobScalarType.Number } => new JobNumbers(Refuse).Read(entry.Value, typeof(double), null, below, ""),
                JobScalar { Type: JobScalarType.Text } => Text(entry.Value, null, below),
                _ => Wrong(entry.Value, below, "true, false, a number or a text"),
            };
            if (value is not null) { json[entry.Key] = value; }
        }

        return json;
    }

    private JsonNode? Scalar(JobNode node, Type type, JsonPropertyInfo? property, string path, string orElse = "")
    {
        if (type.IsEnum) { return Word(node, type, path); }
        if (type == typeof(bool)) { return Flag(node, path); }
        if (type == typeof(string)) { return Text(node, property, path); }
        return new JobNumbers(Refuse).Read(node, type, Attribute<RangeAttribute>(property), path, orElse);
    }

    private JsonNode? Word(JobNode node, Type type, string path)
    {
        string[] words = [.. Enum.GetNames(type).Select(JsonNamingPolicy.SnakeCaseLower.ConvertName)];
        if (node is JobScalar scalar && words.Contains(scalar.Text)) { return scalar.Text; }
        NotAWord(node, path, words);
        return null;
    }

    private void NotAWord(JobNode node, string path, string[] words)
    {
        string? nearest = node is JobScalar { Type: JobScalarType.Text } scalar ? NearestKey.Find(scalar.Text, words) : null;
        string shown = node is JobScalar text ? text.Shown : node.Kind;
        Refuse(node.Mark, path, $"is {shown}; accepted: {string.Join(", ", words)}." + (nearest is null ? "" : $" Did you mean '{nearest}'?"));
    }

    private JsonNode? Flag(JobNode node, string path)
    {
        if (node is JobScalar { Type: JobScalarType.Bool } flag) { return flag.BoolValue; }
        return Wrong(node, path, "true or false");
    }

    private JsonNode? Text(JobNode node, JsonPropertyInfo? property, string path)
    {
        if (node is not JobScalar scalar || scalar.Type == JobScalarType.Null) { return Wrong(node, path, "text"); }
        if (scalar.Type != JobScalarType.Text) { return Wrong(node, path, $"text; put it in quotes, \"{scalar.Text}\""); }
        if (scalar.Text.Length == 0) { return Refuse(node.Mark, path, "is empty; give a text" + (property is { IsRequired: false } ? ", or leave the key out." : ".")); }
        if (scalar.Text.Any(char.IsControl) || !IsWellFormed(scalar.Text)) { return Refuse(node.Mark, path, $"is {scalar.Shown}; it contains a control character, a line break or half a character. Write it in one line."); }
        if (Attribute<RegularExpressionAttribute>(property) is { } pattern && !pattern.IsValid(scalar.Text)) { return Refuse(node.Mark, path, $"is {scalar.Shown}; accepted are texts like {pattern.Pattern}. {Describe(property!)}"); }
        return scalar.Text;
    }

    private JsonNode? Wrong(JobNode node, string path, string expected) =>
        Refuse(node.Mark, path, $"is {(node is JobScalar { Type: not JobScalarType.Null } scalar ? $"{scalar.Kind}, {scalar.Shown}" : node.Kind)}; expected is {expected}.");

    private JsonNode? Refuse(JobMark mark, string path, string message)
    {
        Broken.Add(path);
        errors.Add(new JobError(mark.Source, mark.Line, mark.Column, path, message));
        return null;
    }

    private static bool IsWellFormed(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            // EnumerateRunes gives U+FFFD for half a surrogate pair.
            if (rune.Value == 0xFFFD) { return false; }
        }

        return true;
    }

    private static string Describe(JsonPropertyInfo property) => Attribute<DescriptionAttribute>(property)?.Description ?? "";

    internal static T? Attribute<T>(JsonPropertyInfo? property) where T : Attribute =>
        property?.AttributeProvider?.GetCustomAttributes(typeof(T), inherit: true).OfType<T>().FirstOrDefault();
}
