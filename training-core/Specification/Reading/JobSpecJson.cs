using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Ctwa.Training.Specification;

/// <summary>Jobs as JSON: canonical, with every default, so that equal jobs are equal texts; the form in which a job travels to the grid.</summary>
public static class JobSpecJson
{
    /// <summary>The contract from which JSON, YAML, checks and schema are all derived.</summary>
    internal static JsonSerializerOptions Options { get; } = Create(new DefaultJsonTypeInfoResolver { Modifiers = { NameMethods } });

    /// <summary>The same with nothing required, for a job of which a part is broken.</summary>
    internal static JsonSerializerOptions Lenient { get; } = Create(new DefaultJsonTypeInfoResolver { Modifiers = { NameMethods, RequireNothing } });

    /// <summary>One line of JSON, keys in the order of the records, every default written.</summary>
    public static string Serialize(JobSpec spec) => JsonSerializer.Serialize(spec, Options);

    /// <summary>Reads what <see cref="Serialize"/> wrote, with all checks of a job file.</summary>
    /// <exception cref="InvalidDataException">It is no valid job; the message lists everything that is wrong.</exception>
    public static JobSpec Deserialize(string json)
    {
        var result = JobSpecReader.ReadText("job", json, []);
        return result.Spec ?? throw new InvalidDataException(string.Join(Environment.NewLine, result.Errors));
    }

    private static JsonSerializerOptions Create(IJsonTypeInfoResolver resolver)
    {
        var options = new JsonSerializerOptions
        {
            PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
            Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower, allowIntegerValues: false) },
            UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
            RespectNullableAnnotations = true,
            AllowOutOfOrderMetadataProperties = true,
            DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
            Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
            TypeInfoResolver = resolver,
        };
        options.MakeReadOnly();
        return options;
    }

    /// <summary>Scalarization methods are found by their attribute, so that a new one is complete in its own file.</summary>
    private static void NameMethods(JsonTypeInfo type)
    {
        if (type.Type != typeof(ScalarizerSpec)) { return; }
        foreach (var (method, name) in ScalarizationMethodAttribute.All) { type.PolymorphismOptions!.DerivedTypes.Add(new JsonDerivedType(method, name)); }
    }

    private static void RequireNothing(JsonTypeInfo type)
    {
        foreach (var property in type.Properties) { property.IsRequired = false; }
    }
}
