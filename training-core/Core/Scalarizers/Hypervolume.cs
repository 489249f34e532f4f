namespace Ctwa.Training.Scalarizers;

/// <summary>
/// Hypervolume indicator: the volume between a fixed reference point and what a set of points reaches, every objective
/// maximised. Exact, by exclusive volumes with slicing (While, Bradstreet, Barone: "A fast way of calculating exact
/// hypervolumes", IEEE TEC 2012); the cost grows quickly with the number of objectives.
/// </summary>
public static class Hypervolume
{
    /// <summary>Most objectives accepted.</summary>
    public const int MaxObjectives = 6;

    /// <summary>
    /// Volume of the union of the boxes [reference, point]. A point that does not exceed the reference in every objective
    /// adds nothing. 0 without points. Does not depend on the order of the points.
    /// </summary>
    /// <param name="points">Each of shape [M]; finite. Dominated and repeated points are allowed.</param>
    /// <param name="reference">Shape [M], 1 to 6 objectives; finite. Comparable only between volumes with the same one.</param>
    /// <exception cref="ArgumentException">Shapes differ, there are no or too many objectives, or a number is not finite.</exception>
    public static double Of(IReadOnlyList<double[]> points, ReadOnlySpan<double> reference)
    {
        int width = reference.Length;
        if (width is 0 or > MaxObjectives) { throw new ArgumentException($"the reference point has {width} objectives; the exact hypervolume is computed for 1 to {MaxObjectives}.", nameof(reference)); }
        Require(points, width);
        if (!Finite(reference)) { throw new ArgumentException($"the reference point is {ObjectiveWeights.Show(reference.ToArray())}; it must be finite.", nameof(reference)); }
        var boxes = new List<double[]>(points.Count);
        foreach (double[] point in points)
        {
            var box = new double[width];
            bool exceeds = true;
            for (int j = 0; j < width; j++) { exceeds &= (box[j] = point[j] - reference[j]) > 0; }
            if (exceeds) { boxes.Add(box); }
        }

        return Volume(NonDominated(boxes), width);
    }

    /// <summary>
    /// Points that no other point equals or exceeds in every objective, in their order; of equal points the first.
    /// </summary>
    /// <exception cref="ArgumentException">Shapes differ, or a number is not finite.</exception>
    public static List<double[]> NonDominated(IReadOnlyList<double[]> points)
    {
        if (points.Count > 0) { Require(points, points[0].Length); }
        return Filter(points, points.Count == 0 ? 0 : points[0].Length);
    }

    /// <summary>The same over the first <paramref name="width"/> objectives.</summary>
    private static List<double[]> Filter(IReadOnlyList<double[]> points, int width)
    {
        var kept = new List<double[]>(points.Count);
        foreach (double[] point in points)
        {
            if (kept.Exists(other => Covers(other, point, width))) { continue; }
            kept.RemoveAll(other => Covers(point, other, width));
            kept.Add(point);
        }

        return kept;
    }

    private static bool Covers(double[] upper, double[] lower, int width)
    {
        for (int j = 0; j < width; j++)
        {
            if (upper[j] < lower[j]) { return false; }
        }

        return true;
    }

    /// <summary>Volume of the union of boxes [0, p] over the first <paramref name="width"/> objectives.</summary>
    private static double Volume(List<double[]> boxes, int width)
    {
        if (boxes.Count == 0) { return 0; }
        if (width == 1) { return boxes.Max(box => box[0]); }

        // Ascending in the last objective: what follows a box reaches at least as high there, so the part of the box that
        // nothing after it covers has the box's full height, and only its base must be computed. Ties by the other
        // objectives make the sum independent of the given order.
        var sorted = boxes.ToArray();
        Array.Sort(sorted, (a, b) => Compare(a, b, width));
        if (width == 2) { return Area(sorted); }
        double volume = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            double[] box = sorted[i];
            var covered = new List<double[]>(sorted.Length - i - 1);
            for (int k = i + 1; k < sorted.Length; k++) { covered.Add([.. box.Take(width - 1).Zip(sorted[k], Math.Min)]); }
            double floor = 1;
            for (int j = 0; j < width - 1; j++) { floor *= box[j]; }
            volume += box[width - 1] * (floor - Volume(Filter(covered, width - 1), width - 1));
        }

        return volume;
    }

    /// <summary>Sweep from the highest box down; each adds what it reaches beyond the widest so far.</summary>
    private static double Area(double[][] ascending)
    {
        double area = 0, widest = 0;
        for (int i = ascending.Length - 1; i >= 0; i--)
        {
            if (ascending[i][0] <= widest) { continue; }
            area += (ascending[i][0] - widest) * ascending[i][1];
            widest = ascending[i][0];
        }

        return area;
    }

    private static int Compare(double[] a, double[] b, int width)
    {
        for (int j = width - 1; j >= 0; j--)
        {
            int order = a[j].CompareTo(b[j]);
            if (order != 0) { return order; }
        }

        return 0;
    }

    private static void Require(IReadOnlyList<double[]> points, int width)
    {
        for (int i = 0; i < points.Count; i++)
        {
            if (points[i].Length != width) { throw new ArgumentException($"point {i} has {points[i].Length} objectives, expected are {width}; all points and the reference have the same.", nameof(points)); }
            if (!Finite(points[i])) { throw new ArgumentException($"point {i} is {ObjectiveWeights.Show(points[i])}; points must be finite.", nameof(points)); }
        }
    }

    private static bool Finite(ReadOnlySpan<double> numbers)
    {
        foreach (double number in numbers)
        {
            if (!double.IsFinite(number)) { return false; }
        }

        return true;
    }
}
