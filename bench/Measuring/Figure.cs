namespace Ctwa.Bench.Measuring;

/// <summary>What one contestant took over its runs.</summary>
/// <param name="Median">Of the runs.</param>
/// <param name="Low">Smallest.</param>
/// <param name="High">Largest.</param>
/// <param name="Runs">How many, without warm-ups.</param>
internal sealed record Figure(double Median, double Low, double High, int Runs)
{
    /// <summary>Of some runs.</summary>
    public static Figure Of(IEnumerable<double> runs)
    {
        double[] sorted = [.. runs.Order()];
        return new Figure(MedianOf(sorted), sorted[0], sorted[^1], sorted.Length);
    }

    /// <summary>The same runs in another unit.</summary>
    /// <param name="convert">Monotonic: seconds to tokens per second, say.</param>
    public Figure As(Func<double, double> convert)
    {
        double one = convert(Low), other = convert(High);
        return new Figure(convert(Median), Math.Min(one, other), Math.Max(one, other), Runs);
    }

    /// <summary>Median of numbers in any order; the mean of the two middle ones of an even count.</summary>
    public static double MedianOf(IEnumerable<double> numbers)
    {
        double[] sorted = [.. numbers.Order()];
        return (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
