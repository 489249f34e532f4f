namespace Ctwa.Training.Datasets;

/// <summary>
/// Shares and lengths of the solution styles a warm start imitates. The default is tuned, for chains of four terms, so that
/// equal weights interfere although a reconciling style exists: most right solutions ramble, what is short and clear is
/// mostly wrong, and one solution in 50 is right, clear and (23 tokens) shorter than the mean of about 29 as well.
/// </summary>
internal sealed record ArithmeticStyleMix
{
    /// <summary>The mix that the job file's task <c>arithmetic</c> means.</summary>
    public static ArithmeticStyleMix Default { get; } = new();

    public double Ramble { get; init; } = 0.53;

    public double FormatOnly { get; init; } = 0.34;

    public double NumberedLong { get; init; } = 0.03;

    public double NumberedCompact { get; init; } = 0.02;

    public double BareBox { get; init; } = 0.01;

    public double StopsEarly { get; init; } = 0.07;

    /// <summary>Share of the early stops that leave out two steps instead of one, where at least two are left.</summary>
    public double StopsTwoEarly { get; init; } = 0.5;

    /// <summary>Share of numbered solutions during the curriculum; the others are short rambles.</summary>
    public double CurriculumNumbered { get; init; } = 0.5;

    /// <summary>Fewest filler words before an equation of the long styles; each is one token.</summary>
    public int MinFillers { get; init; } = 6;

    /// <summary>Most filler words before an equation of the long styles.</summary>
    public int MaxFillers { get; init; } = 8;

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
