namespace Ctwa.Training.Scalarizers;

/// <summary>
/// How each objective moves together with a per-sample signal <em>within</em> the samples of one prompt: the quantity of
/// the covariance law ΔE[r_j] = η·E_x Cov_{y~π(·|x)}(r_j, w) + O(η²) (arXiv 2602.06869). Whole groups, float64,
/// population moments (divided by n).
/// </summary>
public sealed record WithinPromptStatistics
{
    /// <summary>
    /// A group counts as constant when its spread is below this share of the largest magnitude: scores are exact numbers,
    /// signals come out of float32 arithmetic, where equal samples differ by rounding.
    /// </summary>
    private const double ScoreNoise = 1e-9, SignalNoise = 1e-6;

    /// <summary>Prompts with two or more samples.</summary>
    public required int Groups { get; init; }

    /// <summary>Per objective, groups in which both score and signal vary, shape [M].</summary>
    public required int[] InformativeGroups { get; init; }

    /// <summary>
    /// Mean over <em>all</em> groups of Cov(r_j, w), shape [M]: a group without variance truly contributes 0 to the law's
    /// expectation over prompts. NaN without groups.
    /// </summary>
    public required double[] Covariance { get; init; }

    /// <summary>Standard error of <see cref="Covariance"/> over groups, shape [M]; 0 with one group, NaN without.</summary>
    public required double[] CovarianceError { get; init; }

    /// <summary>
    /// Mean over the <em>informative</em> groups of corr(r_j, w), shape [M]: scale-free, and not diluted by prompts that
    /// are solved always or never. NaN where no group is informative: that is absence of evidence, not a correlation of 0.
    /// </summary>
    public required double[] Correlation { get; init; }

    /// <summary>Root of the mean over groups of the within-group variance of r_j, shape [M].</summary>
    public required double[] ScoreDeviation { get; init; }

    /// <summary>Share of the groups that say nothing about an objective, shape [M]; 1 without groups.</summary>
    public double[] DegenerateFraction => [.. InformativeGroups.Select(count => Groups == 0 ? 1 : 1 - ((double)count / Groups))];

    /// <summary>Measures a batch. Invalid samples are left out.</summary>
    /// <param name="scores">r_bj, shape [B, M].</param>
    /// <param name="signal">w_b, shape [B].</param>
    /// <param name="groups">Prompt index of each sample, shape [B].</param>
    /// <param name="valid">Samples that count, shape [B].</param>
    /// <exception cref="ArgumentException">The signal is not finite at a valid sample.</exception>
    public static WithinPromptStatistics Compute(double[,] scores, ReadOnlySpan<double> signal, ReadOnlySpan<int> groups, ReadOnlySpan<bool> valid)
    {
        int width = scores.GetLength(1);
        double largest = 0;
        for (int b = 0; b < signal.Length; b++)
        {
            if (!valid[b]) { continue; }
            if (!double.IsFinite(signal[b])) { throw new ArgumentException(FormattableString.Invariant($"the training signal of sample {b} is {signal[b]}; it must be finite for every valid sample."), nameof(signal)); }
            largest = Math.Max(largest, Math.Abs(signal[b]));
        }

        var members = SampleGroups.OfTwoOrMore(groups, valid);
        double[] covariance = new double[width], squares = new double[width], correlation = new double[width], variance = new double[width];
        int[] informative = new int[width];
        foreach (int[] group in members)
        {
            for (int j = 0; j < width; j++)
            {
                var moments = GroupMoments.Of(group, scores, j, signal);
                covariance[j] += moments.Covariance;
                squares[j] += moments.Covariance * moments.Covariance;
                variance[j] += moments.ScoreVariance;
                double scoreDeviation = Math.Sqrt(moments.ScoreVariance), signalDeviation = Math.Sqrt(moments.SignalVariance);
                if (scoreDeviation > ScoreNoise * moments.LargestScore && signalDeviation > SignalNoise * largest)
                {
                    informative[j]++;
                    correlation[j] += moments.Covariance / scoreDeviation / signalDeviation;
                }
            }
        }

        for (int j = 0; j < width; j++)
        {
            covariance[j] /= members.Count;
            squares[j] = members.Count == 1 ? 0 : Math.Sqrt(Math.Max(0, (squares[j] / members.Count) - (covariance[j] * covariance[j])) / (members.Count - 1));
            correlation[j] /= informative[j];
            variance[j] = members.Count == 0 ? 0 : Math.Sqrt(variance[j] / members.Count);
        }

        return new() { Groups = members.Count, InformativeGroups = informative, Covariance = covariance, CovarianceError = squares, Correlation = correlation, ScoreDeviation = variance };
    }
}

/// <summary>Population moments of one objective and the signal within one group.</summary>
internal readonly record struct GroupMoments(double Covariance, double ScoreVariance, double SignalVariance, double LargestScore)
{
    public static GroupMoments Of(ReadOnlySpan<int> group, double[,] scores, int objective, ReadOnlySpan<double> signal)
    {
        double scoreMean = 0, signalMean = 0, largest = 0;
        foreach (int b in group)
        {
            scoreMean += scores[b, objective];
            signalMean += signal[b];
            largest = Math.Max(largest, Math.Abs(scores[b, objective]));
        }

        scoreMean /= group.Length;
        signalMean /= group.Length;
        double cross = 0, scoreSquares = 0, signalSquares = 0;
        foreach (int b in group)
        {
            double u = scores[b, objective] - scoreMean, w = signal[b] - signalMean;
            cross += u * w;
            scoreSquares += u * u;
            signalSquares += w * w;
        }

        return new(cross / group.Length, scoreSquares / group.Length, signalSquares / group.Length, largest);
    }
}
