namespace Ctwa.Training.Specification;

/// <summary>The functions of formulas.</summary>
internal static class ExpressionFunctions
{
    /// <param name="Least">Fewest values.</param>
    /// <param name="Most">Most values.</param>
    /// <param name="Value">The function.</param>
    public sealed record Function(int Least, int Most, Func<double[], double> Value);

    /// <summary>Functions of numbers.</summary>
    public static IReadOnlyDictionary<string, Function> Numbers { get; } = new SortedDictionary<string, Function>(StringComparer.Ordinal)
    {
        ["abs"] = new(1, 1, values => Math.Abs(values[0])),
        ["clip"] = new(3, 3, values => Math.Min(Math.Max(values[0], values[1]), values[2])),
        ["exp"] = new(1, 1, values => Math.Exp(values[0])),
        ["log"] = new(1, 1, values => Math.Log(values[0])),
        ["max"] = new(2, int.MaxValue, values => values.Max()),
        ["min"] = new(2, int.MaxValue, values => values.Min()),
        ["sqrt"] = new(1, 1, values => Math.Sqrt(values[0])),
    };

    /// <summary>Functions of the response and a text; letters must agree in case.</summary>
    public static IReadOnlyDictionary<string, Func<string, string, double>> Texts { get; } = new SortedDictionary<string, Func<string, string, double>>(StringComparer.Ordinal)
    {
        ["contains"] = (response, text) => response.Contains(text, StringComparison.Ordinal) ? 1 : 0,
        ["count"] = (response, text) => response.AsSpan().Count(text),
        ["ends_with"] = (response, text) => response.EndsWith(text, StringComparison.Ordinal) ? 1 : 0,
        ["starts_with"] = (response, text) => response.StartsWith(text, StringComparison.Ordinal) ? 1 : 0,
    };

    public static IEnumerable<string> Names => Numbers.Keys.Concat(Texts.Keys).Order(StringComparer.Ordinal);

    public static bool IsKnown(string name) => Numbers.ContainsKey(name) || Texts.ContainsKey(name);
}
