using System.Diagnostics;
using Ctwa.Training.Telemetry;

namespace Ctwa.Training.Steps;

/// <summary>Wall-clock time of a step's phases, for metrics; and their spans, if the step is traced.</summary>
internal sealed class PhaseTimer : IDisposable
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly List<(string Phase, double Seconds)> _laps = [];
    private TimeSpan _last;
    private Activity? _span;

    /// <param name="first">The phase that begins now.</param>
    public PhaseTimer(string first) => Enter(first);

    public IReadOnlyList<(string Phase, double Seconds)> Laps => _laps;

    public double TotalSeconds => _total.Elapsed.TotalSeconds;

    /// <summary>Begins the span of a phase; its time counts from the end of the one before.</summary>
    public void Enter(string phase)
    {
        _span?.Dispose();
        _span = StepTrace.Source.StartActivity(phase);
    }

    /// <summary>Ends a phase.</summary>
    /// <param name="phase">Its name.</param>
    /// <param name="next">The one that follows at once; null: none.</param>
    public void Lap(string phase, string? next = null)
    {
        var now = _total.Elapsed;
        _laps.Add((phase, (now - _last).TotalSeconds));
        _last = now;
        _span?.Dispose();
        _span = null;
        if (next is not null) { Enter(next); }
    }

    /// <summary>Ends what a failure left open.</summary>
    public void Dispose()
    {
        _span?.SetStatus(ActivityStatusCode.Error);
        _span?.Dispose();
        _span = null;
    }
}
