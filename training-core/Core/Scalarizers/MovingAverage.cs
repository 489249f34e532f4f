namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Exponential moving averages, one per objective, with the bias correction of Adam: the sum starts at 0 and is divided
/// by the weight that it has received so far, so early values are not pulled to 0. NaN inputs leave an average as it is.
/// </summary>
internal readonly struct MovingAverage
{
    private readonly double[] sums;
    private readonly double[] weights;

    private MovingAverage(double[] sums, double[] weights) => (this.sums, this.weights) = (sums, weights);

    public static MovingAverage Read(ScalarizerState state, string name) => new(state.Vector(name), state.Vector(name + "_weight"));

    public ScalarizerState Write(ScalarizerState state, string name) => state.With((name, sums), (name + "_weight", weights));

    /// <summary>m ← (1−τ)m + τx wherever x is known.</summary>
    public MovingAverage Next(ReadOnlySpan<double> values, double rate)
    {
        double[] nextSums = [.. sums], nextWeights = [.. weights];
        for (int j = 0; j < nextSums.Length; j++)
        {
            if (double.IsNaN(values[j])) { continue; }
            nextSums[j] = ((1 - rate) * nextSums[j]) + (rate * values[j]);
            nextWeights[j] = ((1 - rate) * nextWeights[j]) + rate;
        }

        return new(nextSums, nextWeights);
    }

    public bool IsKnown(int objective) => weights[objective] > 0;

    /// <summary>The average; 0 as long as nothing is known.</summary>
    public double Value(int objective) => IsKnown(objective) ? sums[objective] / weights[objective] : 0;

    public double[] Values()
    {
        var values = new double[sums.Length];
        for (int j = 0; j < values.Length; j++) { values[j] = Value(j); }
        return values;
    }
}
