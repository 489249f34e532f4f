namespace Ctwa.Training.Evaluation;

/// <summary>Correlation of two lists of numbers. A list without variance correlates with nothing: 0. Fewer than two numbers: NaN.</summary>
public static class Correlation
{
    // Keeps a division by the spread of equal numbers finite; the reference's value.
    private const double Floor = 1e-12;

    /// <summary>Linear correlation.</summary>
    public static double Pearson(IReadOnlyList<double> left, IReadOnlyList<double> right)
    {
        if (left.Count != right.Count || left.Count < 2) { return double.NaN; }
        double leftMean = left.Average(), rightMean = right.Average(), cross = 0, leftSquares = 0, rightSquares = 0;
        for (int i = 0; i < left.Count; i++)
        {
            double x = left[i] - leftMean, y = right[i] - rightMean;
            cross += x * y;
            leftSquares += x * x;
            rightSquares += y * y;
        }

        return cross / left.Count / ((Math.Sqrt(leftSquares / left.Count) * Math.Sqrt(rightSquares / left.Count)) + Floor);
    }

    /// <summary>Correlation of ranks.</summary>
    public static double Spearman(IReadOnlyList<double> left, IReadOnlyList<double> right) => Pearson(Ranks(left), Ranks(right));

    /// <summary>Ranks from 1; equal numbers share the mean of their ranks.</summary>
    public static double[] Ranks(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(i => values[i])];
        double[] ranks = new double[values.Count];
        for (int first = 0; first < order.Length;)
        {
            int end = first + 1;
            while (end < order.Length && values[order[end]] == values[order[first]]) { end++; }
            for (int i = first; i < end; i++) { ranks[order[i]] = 0.5 * (first + 1 + end); }
            first = end;
        }

        return ranks;
    }
}
