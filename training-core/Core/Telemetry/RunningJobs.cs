using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Ctwa.Training.Telemetry;

/// <summary>The jobs whose loop runs in this process, for whoever collects.</summary>
internal static class RunningJobs
{
    /// <summary>Jobs at a time that are told of; what more there are run unseen.</summary>
    public const int Most = 64;

    private static readonly ConcurrentDictionary<string, JobTelemetry> s_jobs = new(StringComparer.Ordinal);

    /// <summary>From now on the job is told of, in place of its run before.</summary>
    /// <returns>The run before, whose counters are gone on with; null if there is none, or no room.</returns>
    public static JobTelemetry? Add(JobTelemetry job)
    {
        foreach (var (id, old) in s_jobs.Where(one => one.Value.IsForgotten).ToArray()) { s_jobs.TryRemove(new(id, old)); }
        var before = s_jobs.GetValueOrDefault(job.JobId);
        if (before is null && s_jobs.Count >= Most)
        {
            // Last words give way to jobs that run.
            if (s_jobs.Values.FirstOrDefault(one => one.HasEnded) is not { } ended) { return null; }
            s_jobs.TryRemove(new(ended.JobId, ended));
        }

        s_jobs[job.JobId] = job;
        return before;
    }

    /// <summary>An instrument's value of every job.</summary>
    public static IEnumerable<Measurement<double>> Measure(JobInstrument instrument) => s_jobs.Values.SelectMany(job => job.Measure(instrument));
}
