using Ctwa.Training.Randomness;

namespace Ctwa.Training.Evaluation;

/// <summary>What a <see cref="SignFlipTest"/> found.</summary>
/// <param name="PValue">Two-sided, in (0, 1].</param>
/// <param name="Exact">All arrangements of signs were counted; else <see cref="Arrangements"/> of them were drawn.</param>
/// <param name="Arrangements">How many were looked at.</param>
public readonly record struct SignFlipResult(double PValue, bool Exact, long Arrangements);

/// <summary>
/// Two-sided sign-flip permutation test of paired differences (Fisher 1935): if two models were alike, each difference could as
/// well have had the other sign. The p-value is the share of sign arrangements whose sum is at least as far from 0 as the one seen.
/// </summary>
public static class SignFlipTest
{
    /// <summary>Up to so many differences other than 0, all arrangements are counted.</summary>
    public const int ExactLimit = 20;

    /// <summary>Arrangements drawn beyond <see cref="ExactLimit"/>.</summary>
    public const int DefaultDraws = 10_000;

    /// <summary>Keeps these draws apart from those of <see cref="PromptBootstrap"/>.</summary>
    private const long Step = -2;

    /// <param name="differences">One per prompt; zeros change no sum and do not count.</param>
    /// <param name="seed">Of the evaluation; without effect on exact results.</param>
    /// <param name="draws">Arrangements drawn where not all are counted. The observed one counts as drawn, so p is never 0 (Phipson and Smyth 2010).</param>
    /// <exception cref="ArgumentOutOfRangeException">draws is below 1.</exception>
    /// <exception cref="ArgumentException">A difference is not finite.</exception>
    public static SignFlipResult Of(IReadOnlyList<double> differences, long seed, int draws = DefaultDraws)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(draws, 1);
        if (differences.Any(value => !double.IsFinite(value))) { throw new ArgumentException("a difference is not finite; leave out prompts without a score.", nameof(differences)); }
        double[] values = [.. differences.Where(value => value != 0)];
        if (values.Length == 0) { return new(1, true, 1); }

        // Sums of the same numbers in another order differ in their last bits: equal sums must count as equal.
        double observed = Math.Abs(values.Sum()) - (1e-9 * values.Sum(Math.Abs));
        return values.Length <= ExactLimit ? Exact(values, observed) : Drawn(values, observed, seed, draws);
    }

    private static SignFlipResult Exact(double[] values, double observed)
    {
        // The first sign is fixed: flipping all of them changes no distance.
        double[] sums = [values[0]];
        foreach (double value in values.AsSpan(1))
        {
            var next = new double[2 * sums.Length];
            for (int i = 0; i < sums.Length; i++) { (next[2 * i], next[(2 * i) + 1]) = (sums[i] + value, sums[i] - value); }
            sums = next;
        }

        return new((double)sums.Count(sum => Math.Abs(sum) >= observed) / sums.Length, true, 2L * sums.Length);
    }

    private static SignFlipResult Drawn(double[] values, double observed, long seed, int draws)
    {
        int far = 1;
        for (int draw = 0; draw < draws; draw++)
        {
            double sum = 0;
            ulong signs = 0;
            for (int i = 0; i < values.Length; i++)
            {
                if (i % 64 == 0) { signs = CounterRandom.Bits(seed, RandomPurpose.Bootstrap, Step, draw, i / 64, 0); }
                sum += (signs & 1) == 0 ? values[i] : -values[i];
                signs >>= 1;
            }

            if (Math.Abs(sum) >= observed) { far++; }
        }

        return new((double)far / (draws + 1), false, draws);
    }
}
