using System.Diagnostics.Metrics;
using Ctwa.Grains.Abstractions;
using Ctwa.Grains.Jobs;
using Ctwa.Training.Telemetry;
using Orleans.Runtime;

namespace Ctwa.Grains.Telemetry;

/// <summary>
/// What the grid as a whole is like, meter <c>Ctwa.Grid</c>: told by the process that has the grid's queue, and by no other. When the queue
/// moves to another silo, so do these series.
/// </summary>
internal sealed class QueueMetrics : IDisposable
{
    private static readonly Meter s_meter = new(TelemetryNames.Grid);
    private static readonly JobState[] s_states = Enum.GetValues<JobState>();
    private static QueueMetrics? s_present;
    private static long s_restarts;

    private readonly Func<JobQueue> _queue;
    private readonly ISiloStatusOracle _membership;
    private readonly TimeProvider _time;

    static QueueMetrics()
    {
        s_meter.CreateObservableGauge<double>("ctwa.grid.jobs", () => Of(one => one.Jobs()), "{job}", "Jobs by state; ended ones as far as the grid remembers them.");
        s_meter.CreateObservableGauge<double>("ctwa.grid.quota", () => Of(one => [new(one._queue().Quota)]), "{job}", "Jobs that may run at a time.");
        s_meter.CreateObservableGauge<double>("ctwa.grid.queue.age", () => Of(one => [new(one.OldestSeconds())]), "s", "How long the job that has waited longest has been waiting; 0: none waits.");
        s_meter.CreateObservableGauge<double>("ctwa.grid.silos", () => Of(one => one.Silos()), "{silo}", "Silos by their status in the grid's membership.");
        s_meter.CreateObservableCounter<double>("ctwa.grid.restarts", () => Of(_ => [new(Interlocked.Read(ref s_restarts))]), "{restart}", "Jobs that were started again because a coordinator ended without having finished.");
    }

    private QueueMetrics(Func<JobQueue> queue, ISiloStatusOracle membership, TimeProvider time) => (_queue, _membership, _time) = (queue, membership, time);

    /// <summary>Tells of this queue from now on.</summary>
    public static QueueMetrics Attach(Func<JobQueue> queue, ISiloStatusOracle membership, TimeProvider time) => s_present = new QueueMetrics(queue, membership, time);

    /// <summary>A job is started again.</summary>
    public static void CountRestart() => Interlocked.Increment(ref s_restarts);

    /// <summary>The queue is not here any more.</summary>
    public void Dispose() => Interlocked.CompareExchange(ref s_present, null, this);

    private static IEnumerable<Measurement<double>> Of(Func<QueueMetrics, IEnumerable<Measurement<double>>> tell) => Volatile.Read(ref s_present) is { } present ? tell(present) : [];

    private IEnumerable<Measurement<double>> Jobs()
    {
        var jobs = _queue().State.Jobs;
        return s_states.Select(state => new Measurement<double>(jobs.Count(job => job.State == state), new KeyValuePair<string, object?>("ctwa.job.state", state.ToString().ToLowerInvariant())));
    }

    private double OldestSeconds()
    {
        var waiting = _queue().State.Jobs.Where(job => job.State == JobState.Queued).Select(job => (_time.GetUtcNow() - job.SubmittedAt).TotalSeconds);
        return Math.Max(0, waiting.DefaultIfEmpty(0).Max());
    }

    private IEnumerable<Measurement<double>> Silos()
    {
        var statuses = _membership.GetApproximateSiloStatuses().Values;
        Measurement<double> Count(string word, params SiloStatus[] those) => new(statuses.Count(status => Array.IndexOf(those, status) >= 0), new KeyValuePair<string, object?>("ctwa.silo.status", word));
        return [Count("active", SiloStatus.Active), Count("joining", SiloStatus.Created, SiloStatus.Joining), Count("leaving", SiloStatus.ShuttingDown, SiloStatus.Stopping)];
    }
}
