namespace Ctwa.Training.Datasets;

/// <summary>
/// Shares and lengths of the solution styles a warm start imitates. The default is tuned so that equal weights interfere:
/// almost half of the solutions are right but only few of those are clear, what is short is mostly wrong, and the mean
/// length (about 25 tokens) lies between the right solutions of a short and of a long chain.
/// </summary>
internal sealed record ArithmeticStyleMix
{
    /// <summary>The mix that the job file's task <c>arithmetic</c> means.</summary>
    public static ArithmeticStyleMix Default { get; } = new();

    public double Ramble { get; init; } = 0.45;

    public double FormatOnly { get; init; } = 0.25;

    public double NumberedLong { get; init; } = 0.06;

    public double NumberedCompact { get; init; } = 0.08;

    public double BareBox { get; init; } = 0.04;

    public double StopsEarly { get; init; } = 0.12;

    /// <summary>Share of the early stops that leave out two steps instead of one, where at least two are left.</summary>
    public double StopsTwoEarly { get; init; } = 0.5;

    /// <summary>Share of numbered solutions during the curriculum; the others are short rambles.</summary>
    public double CurriculumNumbered { get; init; } = 0.5;

    /// <summary>Fewest filler words before an equation of the long styles; each is one token.</summary>
    public int MinFillers { get; init; } = 2;

    /// <summary>Most filler words before an equation of the long styles.</summary>
    public int MaxFillers { get; init; } = 4;

    /// <summary>The styles and their shares; the shares sum to 1.</summary>
    public IReadOnlyList<(ArithmeticStyle Style, double Share)> Shares =>
    [
        (ArithmeticStyle.Ramble, Ramble),
        (ArithmeticStyle.FormatOnly, FormatOnly),
        (ArithmeticStyle.NumberedLong, NumberedLong),
        (ArithmeticStyle.NumberedCompact, NumberedCompact),
        (ArithmeticStyle.BareBox, BareBox),
        (ArithmeticStyle.StopsEarly, StopsEarly),
    ];

    /// <summary>The style at <paramref name="quantile"/> in [0, 1).</summary>
    public ArithmeticStyle Pick(double quantile)
    {
        double below = 0;
        foreach (var (style, share) in Shares)
        {
            below += share;
            if (quantile < below) { return style; }
        }

        return Shares[^1].Style;
    }
}
