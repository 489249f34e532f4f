namespace Ctwa.Client.Comparison;

/// <summary>Mean and sample standard deviation over seeds.</summary>
/// <param name="Mean">Mean of the values that are known.</param>
/// <param name="Deviation">Sample standard deviation; null with one value.</param>
/// <param name="Count">Known values.</param>
internal sealed record Spread(double Mean, double? Deviation, int Count)
{
    /// <returns>Null if no value is known and finite.</returns>
    public static Spread? Of(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>().Where(double.IsFinite)];
        if (known.Length == 0) { return null; }
        double mean = known.Average();
        return new Spread(mean, known.Length == 1 ? null : Math.Sqrt(known.Sum(value => (value - mean) * (value - mean)) / (known.Length - 1)), known.Length);
    }
}
