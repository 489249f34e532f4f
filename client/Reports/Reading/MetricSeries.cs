namespace Ctwa.Client.Reports.Reading;

/// <summary>One metric over the steps of a stage: the steps that have it, ascending, and its values there.</summary>
internal sealed class MetricSeries
{
    private readonly List<int> steps = [];
    private readonly List<double> values = [];

    public IReadOnlyList<int> Steps => steps;

    public IReadOnlyList<double> Values => values;

    public int Count => steps.Count;

    public double Last => values[^1];

    /// <summary>The value at a step; null if the step lacks it.</summary>
    public double? At(int step) => steps.BinarySearch(step) is >= 0 and var index ? values[index] : null;

    public void Add(int step, double value)
    {
        steps.Add(step);
        values.Add(value);
    }
}
