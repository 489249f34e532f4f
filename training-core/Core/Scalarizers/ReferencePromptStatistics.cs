namespace Ctwa.Training.Scalarizers;

/// <summary>
/// The reference implementation's within-prompt statistics (<c>compute_ctwa_stats</c>), defects included: groups without
/// variance enter the mean covariance as 0, no group at all is a covariance of 0, samples with |w| &gt; 100 × median are
/// left out unless the median is 0.
/// </summary>
internal sealed record ReferencePromptStatistics
{
    private const double Epsilon = 1e-8, OutlierFactor = 100;

    /// <summary>Groups of two or more samples after the outlier filter.</summary>
    public required int Groups { get; init; }

    /// <summary>Samples in those groups; only counted for pooled statistics.</summary>
    public required int? Samples { get; init; }

    /// <summary>Mean of w over the kept samples.</summary>
    public required double SignalMean { get; init; }

    /// <summary>Population standard deviation of w over the kept samples.</summary>
    public required double SignalDeviation { get; init; }

    /// <summary>Shape [M].</summary>
    public required double[] Covariance { get; init; }

    /// <summary>Shape [M]; averaged over groups where it is defined, else 0.</summary>
    public required double[] Correlation { get; init; }

    /// <param name="scores">Shape [B, M].</param>
    /// <param name="signal">w, shape [B]; non-finite samples are left out.</param>
    /// <param name="groups">Shape [B].</param>
    /// <param name="pooled">Pool all samples after centring within groups, instead of averaging over groups.</param>
    public static ReferencePromptStatistics Compute(double[,] scores, ReadOnlySpan<double> signal, ReadOnlySpan<int> groups, bool pooled = false)
    {
        int width = scores.GetLength(1);
        bool[] keep = Keep(signal);
        var members = SampleGroups.OfTwoOrMore(groups, keep);
        double[] covariance = new double[width], correlation = new double[width];
        for (int j = 0; j < width; j++)
        {
            double cross = 0, scoreSquares = 0, signalSquares = 0, correlations = 0;
            int samples = 0, defined = 0;
            foreach (int[] group in members)
            {
                var moments = GroupMoments.Of(group, scores, j, signal);
                int share = pooled ? group.Length : 1;
                samples += share;
                cross += moments.Covariance * share;
                scoreSquares += moments.ScoreVariance * share;
                signalSquares += moments.SignalVariance * share;
                if (Ratio(moments.Covariance, moments.ScoreVariance, moments.SignalVariance) is { } ratio) { correlations += ratio; defined++; }
            }

            if (samples == 0) { continue; }
            covariance[j] = cross / samples;
            correlation[j] = pooled
                ? Ratio(covariance[j], scoreSquares / samples, signalSquares / samples) ?? 0
                : defined > 0 ? correlations / defined : 0;
        }

        var (mean, deviation) = Spread(signal, keep);
        return new()
        {
            Groups = members.Count, Samples = pooled ? members.Sum(group => group.Length) : null,
            SignalMean = mean, SignalDeviation = deviation, Covariance = covariance, Correlation = correlation,
        };
    }

    private static double? Ratio(double covariance, double scoreVariance, double signalVariance) =>
        Math.Sqrt(scoreVariance) * Math.Sqrt(signalVariance) is var scale && scale > Epsilon ? covariance / scale : null;

    private static bool[] Keep(ReadOnlySpan<double> signal)
    {
        var sizes = new List<double>();
        foreach (double w in signal)
        {
            if (double.IsFinite(w)) { sizes.Add(Math.Abs(w)); }
        }

        sizes.Sort();
        int half = sizes.Count / 2;
        double median = sizes.Count == 0 ? 0 : sizes.Count % 2 == 1 ? sizes[half] : (sizes[half - 1] + sizes[half]) / 2;
        var keep = new bool[signal.Length];
        for (int b = 0; b < keep.Length; b++) { keep[b] = double.IsFinite(signal[b]) && (median == 0 || Math.Abs(signal[b]) <= OutlierFactor * median); }
        return keep;
    }

    private static (double Mean, double Deviation) Spread(ReadOnlySpan<double> signal, bool[] keep)
    {
        int count = keep.Count(kept => kept);
        if (count == 0) { return (0, 0); }
        double mean = 0, squares = 0;
        for (int b = 0; b < keep.Length; b++) { mean += keep[b] ? signal[b] / count : 0; }
        for (int b = 0; b < keep.Length; b++) { squares += keep[b] ? (signal[b] - mean) * (signal[b] - mean) / count : 0; }
        return (mean, Math.Sqrt(squares));
    }
}
