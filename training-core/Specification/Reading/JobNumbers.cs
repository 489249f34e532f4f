using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;

namespace Ctwa.Training.Specification;

/// <summary>Reads numbers and checks their type and range. Nothing is rounded: 2.5 is no count, and 1e999 no number.</summary>
internal sealed class JobNumbers(Func<JobMark, string, string, JsonNode?> refuse)
{
    /// <param name="type">int, long or double.</param>
    /// <param name="orElse">What else the key accepts, for the message.</param>
    public JsonNode? Read(JobNode node, Type type, RangeAttribute? range, string path, string orElse) =>
        type == typeof(double) ? Real(node, range, path, orElse) : Whole(node, type, range, path);

    private JsonNode? Whole(JobNode node, Type type, RangeAttribute? range, string path)
    {
        long low = type == typeof(int) ? int.MinValue : long.MinValue, high = type == typeof(int) ? int.MaxValue : long.MaxValue;
        if (range is not null) { (low, high) = (Math.Max(low, Limit(range.Minimum)), Math.Min(high, Limit(range.Maximum))); }
        string accepted = string.Create(CultureInfo.InvariantCulture, $"accepted are whole numbers from {low} to {high}.");
        if (node is not JobScalar { Type: JobScalarType.Whole or JobScalarType.Number } scalar) { return refuse(node.Mark, path, $"is {Shown(node)}; {accepted}{Hint(node)}"); }
        return scalar.TryWhole(out BigInteger value) && value >= low && value <= high
            ? JsonValue.Create((long)value)
            : refuse(node.Mark, path, $"is {scalar.Text[..Math.Min(60, scalar.Text.Length)]}; {accepted}");
    }

    private JsonNode? Real(JobNode node, RangeAttribute? range, string path, string orElse)
    {
        string accepted = range is null ? $"accepted is a finite number{orElse}." : string.Create(CultureInfo.InvariantCulture, $"accepted are numbers from {range.Minimum} to {range.Maximum}.");
        if (node is not JobScalar { Type: JobScalarType.Whole or JobScalarType.Number } scalar) { return refuse(node.Mark, path, $"is {Shown(node)}; {accepted}{Hint(node)}"); }
        double value = scalar.NumberValue;
        bool inRange = double.IsFinite(value) && (range is null || (value >= Convert.ToDouble(range.Minimum, CultureInfo.InvariantCulture) && value <= Convert.ToDouble(range.Maximum, CultureInfo.InvariantCulture)));
        return inRange ? JsonValue.Create(value) : refuse(node.Mark, path, $"is {scalar.Text[..Math.Min(60, scalar.Text.Length)]}; {accepted}");
    }

    // Range(0L, long.MaxValue) arrives as doubles, and (double)long.MaxValue is one too many.
    private static long Limit(object limit) => limit is int whole ? whole : (double)limit >= long.MaxValue ? long.MaxValue : (long)(double)limit;

    private static string Shown(JobNode node) => node is JobScalar { Type: JobScalarType.Text } text ? $"text, {text.Shown}" : node is JobScalar { Type: JobScalarType.Bool } flag ? $"a boolean, {flag.Text}" : node.Kind;

    private static string Hint(JobNode node)
    {
        if (node is not JobScalar { Type: JobScalarType.Text } scalar) { return ""; }
        string bare = scalar.Text.Replace("_", "", StringComparison.Ordinal).Replace(",", "", StringComparison.Ordinal);
        if (JobScalar.Resolve(bare) is not (JobScalarType.Whole or JobScalarType.Number)) { return ""; }
        return bare == scalar.Text ? " Write it without quotes." : $" Write it as {bare}.";
    }
}
