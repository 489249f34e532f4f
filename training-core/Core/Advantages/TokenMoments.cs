namespace Ctwa.Training.Advantages;

/// <summary>
/// Count, mean and sum of squared deviations of token values, in float64: what shards tell of values that never leave
/// them. Merging (Chan, Golub and LeVeque, 1979) does not lose the variance of nearly equal values, as a sum of squares would.
/// Merge in shard order, so that the bits do not depend on arrival.
/// </summary>
/// <param name="Count">Tokens.</param>
/// <param name="Mean">Of the values; 0 without tokens.</param>
/// <param name="Squares">Σ (value − mean)².</param>
/// <param name="Smallest">Smallest value; +∞ without tokens.</param>
/// <param name="Largest">Largest value; −∞ without tokens.</param>
public readonly record struct TokenMoments(long Count, double Mean, double Squares, double Smallest, double Largest)
{
    // Inside the inverse square root of whitening; the reference's value.
    private const double VarianceFloor = 1e-8;

    /// <summary>Of no tokens.</summary>
    public static TokenMoments None { get; } = new(0, 0, 0, double.PositiveInfinity, double.NegativeInfinity);

    /// <summary>Of some values, in two passes.</summary>
    public static TokenMoments Of(ReadOnlySpan<double> values)
    {
        if (values.IsEmpty) { return None; }
        double sum = 0, squares = 0, smallest = double.PositiveInfinity, largest = double.NegativeInfinity;
        foreach (double value in values)
        {
            sum += value;
            smallest = Math.Min(smallest, value);
            largest = Math.Max(largest, value);
        }

        double mean = sum / values.Length;
        foreach (double value in values) { squares += (value - mean) * (value - mean); }
        return new(values.Length, mean, squares, smallest, largest);
    }

    /// <summary>Of the tokens of both.</summary>
    public TokenMoments Merge(TokenMoments other)
    {
        if (other.Count == 0) { return this; }
        if (Count == 0) { return other; }
        long count = Count + other.Count;
        double distance = other.Mean - Mean;
        return new(
            count,
            Mean + (distance * other.Count / count),
            Squares + other.Squares + (distance * distance * Count * other.Count / count),
            Math.Min(Smallest, other.Smallest),
            Math.Max(Largest, other.Largest));
    }

    /// <summary>How to whiten the tokens: (value − Shift) · Scale, unbiased variance. Scale 0 where they do not differ: no rounding becomes a signal.</summary>
    public (double Shift, double Scale) Whitening() =>
        Count < 2 || Smallest == Largest ? (Mean, 0) : (Mean, 1 / Math.Sqrt((Squares / (Count - 1)) + VarianceFloor));
}
