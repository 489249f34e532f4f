using System.Diagnostics.Metrics;

namespace Ctwa.Training.Telemetry;

/// <summary>
/// A number that every running job has, asked for when somebody collects. So a job's series end with the job, and a silo's
/// collection never meets a job's thread in more than a short lock.
/// </summary>
/// <param name="counts">It only grows, and is told for a while after the job's end, so that a slow scraper gets its last value.</param>
/// <param name="labels">Labels besides the job's, at most two.</param>
internal sealed class JobInstrument(bool counts, string[] labels)
{
    public bool Counts => counts;

    public IReadOnlyList<string> Labels => labels;

    public static JobInstrument Counter(Meter meter, string name, string unit, string description, params string[] labels)
    {
        var instrument = new JobInstrument(counts: true, labels);
        meter.CreateObservableCounter<double>(name, () => RunningJobs.Measure(instrument), unit, description);
        return instrument;
    }

    public static JobInstrument Gauge(Meter meter, string name, string? unit, string description, params string[] labels)
    {
        var instrument = new JobInstrument(counts: false, labels);
        meter.CreateObservableGauge<double>(name, () => RunningJobs.Measure(instrument), unit, description);
        return instrument;
    }
}
