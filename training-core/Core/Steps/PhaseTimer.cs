using System.Diagnostics;

namespace Ctwa.Training.Steps;

/// <summary>Wall-clock time of a step's phases, for metrics only.</summary>
internal sealed class PhaseTimer
{
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly List<(string Phase, double Seconds)> _laps = [];
    private TimeSpan _last;

    public IReadOnlyList<(string Phase, double Seconds)> Laps => _laps;

    public double TotalSeconds => _total.Elapsed.TotalSeconds;

    /// <summary>Ends a phase.</summary>
    public void Lap(string phase)
    {
        var now = _total.Elapsed;
        _laps.Add((phase, (now - _last).TotalSeconds));
        _last = now;
    }
}
