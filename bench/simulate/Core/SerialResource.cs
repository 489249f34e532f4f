namespace Ctwa.Bench.Simulate;

/// <summary>Something that does one thing after another, in order of asking: a compute lane, a coordinator's turn, a disk.</summary>
internal sealed class SerialResource(SimulatedClock clock)
{
    private double _free;

    /// <summary>Seconds that it worked.</summary>
    public double Busy { get; private set; }

    /// <summary>Work that is counted without its turn.</summary>
    public void Note(double seconds) => Busy += seconds;

    /// <summary>Ends when this has had its turn.</summary>
    public Task UseAsync(double seconds)
    {
        if (seconds <= 0 && _free <= clock.Now) { return Task.CompletedTask; }
        Busy += seconds;
        _free = Math.Max(_free, clock.Now) + seconds;
        return clock.DelayAsync(_free - clock.Now);
    }
}
