using Ctwa.Training.Specification;

namespace Ctwa.Training.Scalarizers;

/// <summary>
/// How far each objective is from its ideal, L_i = [z_i − EMA(mean score)_i]₊ + ε &gt; 0. It takes the place of the loss in methods that
/// compare losses: a policy-gradient loss is near 0 with a random sign (its advantages are centred), so ratios of it are noise.
/// </summary>
internal sealed class RewardGaps
{
    public const string Ema = "score_ema";

    private readonly double[] ideal;
    private readonly double rate;
    private readonly double epsilon;

    /// <param name="ideal">z, one per objective or one for all; null: 1.</param>
    /// <exception cref="ArgumentException">There is not one finite ideal per objective, or ε is not positive.</exception>
    public RewardGaps(NumberOrList? ideal, double rate, double epsilon, int count)
    {
        try { this.ideal = (ideal ?? new NumberOrList(1)).Expand(count); }
        catch (ArgumentException error) { throw new ArgumentException($"scalarizer.ideal {error.Message}", error); }

        if (!this.ideal.All(double.IsFinite)) { throw new ArgumentException($"scalarizer.ideal is {ObjectiveWeights.Show(this.ideal)}; it is one finite number per objective.", nameof(ideal)); }
        if (!(epsilon > 0)) { throw new ArgumentException(FormattableString.Invariant($"scalarizer.gap_epsilon is {epsilon}; it is positive."), nameof(epsilon)); }
        this.rate = rate;
        this.epsilon = epsilon;
    }

    /// <summary>The vectors of the state before the first step.</summary>
    public (string Name, double[] Value)[] Initial() => [(Ema, new double[ideal.Length]), (Ema + "_weight", new double[ideal.Length])];

    /// <summary>L, shape [M], with this step's scores included in the average.</summary>
    public double[] Of(double[] meanScores, ScalarizerState state) => Gaps(MovingAverage.Read(state, Ema).Next(meanScores, rate));

    /// <summary>The state after the step, and L.</summary>
    public (ScalarizerState State, double[] Gaps) Next(double[] meanScores, ScalarizerState state)
    {
        var average = MovingAverage.Read(state, Ema).Next(meanScores, rate);
        return (average.Write(state, Ema), Gaps(average));
    }

    // With rate 0 nothing is ever known of the scores: every gap is its ideal.
    private double[] Gaps(MovingAverage average) => [.. ideal.Select((z, i) => Math.Max(0, z - average.Value(i)) + epsilon)];
}
