using System.Text.Json;
using System.Text.Json.Serialization;

namespace Ctwa.Training.Specification;

/// <summary>One number for all objectives, or a list with one number per objective.</summary>
[JsonConverter(typeof(NumberOrListConverter))]
public sealed record NumberOrList
{
    /// <summary>The number for all, when no list was given.</summary>
    public double? Single { get; }

    /// <summary>The list, when one was given.</summary>
    public IReadOnlyList<double>? List { get; }

    public NumberOrList(double single) => Single = single;

    public NumberOrList(IReadOnlyList<double> list) => List = list;

    /// <summary>One number per objective.</summary>
    /// <exception cref="ArgumentException">A list has another length than <paramref name="count"/>.</exception>
    public double[] Expand(int count)
    {
        if (Single is { } value) { return [.. Enumerable.Repeat(value, count)]; }
        if (List!.Count != count) { throw new ArgumentException($"has {List.Count} entries for {count} objectives; give one per objective or a single number."); }
        return [.. List];
    }
}

internal sealed class NumberOrListConverter : JsonConverter<NumberOrList>
{
    public override NumberOrList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.Number
            ? new NumberOrList(reader.GetDouble())
            : new NumberOrList(JsonSerializer.Deserialize<double[]>(ref reader, options)!);

    public override void Write(Utf8JsonWriter writer, NumberOrList value, JsonSerializerOptions options)
    {
        if (value.Single is { } single) { writer.WriteNumberValue(single); return; }
        writer.WriteStartArray();
        foreach (double number in value.List!) { writer.WriteNumberValue(number); }
        writer.WriteEndArray();
    }
}
