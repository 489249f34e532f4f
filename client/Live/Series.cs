namespace Ctwa.Client.Live;

/// <summary>A number over the steps of a run, in bounded memory: when it is full, two neighbours become their mean.</summary>
internal sealed class Series
{
    /// <summary>More than any terminal has columns.</summary>
    public const int Capacity = 1024;

    private readonly List<double> _means = [];
    private int _stepsPerMean = 1;
    private double _sum;
    private int _count;

    /// <summary>Takes in the number of one more step; what is not finite is left out.</summary>
    public void Add(double value)
    {
        if (!double.IsFinite(value)) { return; }
        (_sum, _count) = (_sum + value, _count + 1);
        if (_count < _stepsPerMean) { return; }
        _means.Add(_sum / _count);
        (_sum, _count) = (0, 0);
        if (_means.Count < Capacity) { return; }
        for (int i = 0; i < Capacity / 2; i++) { _means[i] = (_means[2 * i] + _means[(2 * i) + 1]) / 2; }
        _means.RemoveRange(Capacity / 2, Capacity / 2);
        _stepsPerMean *= 2;
    }

    /// <summary>The whole run in at most so many points, each the mean of about as many steps; the last point is the newest.</summary>
    public double[] Points(int most)
    {
        double[] all = _count > 0 ? [.. _means, _sum / _count] : [.. _means];
        if (most <= 0) { return []; }
        if (all.Length <= most) { return all; }
        double[] points = new double[most];
        for (int i = 0; i < most; i++)
        {
            int start = (int)((long)i * all.Length / most), end = (int)((long)(i + 1) * all.Length / most);
            points[i] = all.AsSpan(start, end - start).ToArray().Average();
        }

        return points;
    }
}
