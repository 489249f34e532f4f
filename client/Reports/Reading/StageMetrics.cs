namespace Ctwa.Client.Reports.Reading;

/// <summary>The metrics of one stage of a run by name, in the order in which the file first names them.</summary>
internal sealed class StageMetrics
{
    private readonly Dictionary<string, MetricSeries> byName = new(StringComparer.Ordinal);
    private readonly List<int> steps = [];
    private readonly List<string> names = [];

    /// <summary>Steps of the stage, ascending.</summary>
    public IReadOnlyList<int> Steps => steps;

    public IReadOnlyList<string> Names => names;

    /// <summary>Steps that the job asks for, as the last line says.</summary>
    public int? StepsTotal { get; set; }

    public int LastStep => steps.Count > 0 ? steps[^1] : 0;

    /// <summary>Null: no step has it.</summary>
    public MetricSeries? this[string name] => byName.GetValueOrDefault(name);

    public void Begin(int step) => steps.Add(step);

    /// <returns>False: there are too many names.</returns>
    public bool Add(string name, double value, int mostNames)
    {
        if (!byName.TryGetValue(name, out var series))
        {
            if (byName.Count >= mostNames) { return false; }
            byName[name] = series = new MetricSeries();
            names.Add(name);
        }

        series.Add(steps[^1], value);
        return true;
    }
}
