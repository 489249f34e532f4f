using System.Diagnostics;

namespace Ctwa.Bench.Measuring;

/// <summary>
/// Contestants that take turns: a machine that slows down slows all of them, and the ratio is the median of the rounds' own ratios. Every second round runs
/// in the opposite order.
/// </summary>
internal static class Interleaved
{
    /// <summary>Seconds of each contestant, [contestants][rounds], after warm-up runs that are not counted.</summary>
    /// <param name="contestants">Each does the work once and returns its seconds.</param>
    public static double[][] Seconds(int rounds, int warmUps, params IReadOnlyList<Func<double>> contestants)
    {
        double[][] seconds = [.. contestants.Select(_ => new double[rounds])];
        for (int round = -warmUps; round < rounds; round++)
        {
            for (int i = 0; i < contestants.Count; i++)
            {
                int turn = round % 2 == 0 ? i : contestants.Count - 1 - i;
                double taken = contestants[turn]();
                if (round >= 0) { seconds[turn][round] = taken; }
            }
        }

        return seconds;
    }

    /// <summary>Median over the rounds of ours ÷ theirs.</summary>
    public static double Ratio(double[] ours, double[] theirs) => Figure.MedianOf(ours.Zip(theirs, (one, other) => one / other));

    /// <summary>Seconds of an action.</summary>
    public static Func<double> Timed(Action action) => () =>
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    };
}
