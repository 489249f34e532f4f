namespace Ctwa.Training.Steps;

/// <summary>Numbers per row that every slice has a part of.</summary>
public static class SliceProducts
{
    /// <summary>Sums over the slices, added in their order (invariant I2); empty if the slices report none.</summary>
    public static double[] Sum(IEnumerable<double[]> slices) =>
        slices.Aggregate((sum, part) => [.. sum.Zip(part, (one, other) => one + other)]);

    /// <summary>Matrices likewise.</summary>
    public static double[,] Sum(IReadOnlyList<double[,]> slices)
    {
        var sum = (double[,])slices[0].Clone();
        foreach (double[,] slice in slices.Skip(1))
        {
            for (int i = 0; i < sum.GetLength(0); i++)
            {
                for (int j = 0; j < sum.GetLength(1); j++) { sum[i, j] += slice[i, j]; }
            }
        }

        return sum;
    }

    /// <summary>The leading <paramref name="count"/> rows and columns.</summary>
    public static double[,] Leading(double[,] matrix, int count)
    {
        var leading = new double[count, count];
        for (int i = 0; i < count; i++)
        {
            for (int j = 0; j < count; j++) { leading[i, j] = matrix[i, j]; }
        }

        return leading;
    }
}
