namespace Ctwa.Bench.Simulate;

/// <summary>
/// One direction of a silo's link: transfers that pass it at the same time share its rate evenly, as connections of one kind do.
/// Kept by virtual time: the bytes that each transfer under way has got since the port was last idle.
/// </summary>
internal sealed class SharedPort(SimulatedClock clock, double rate)
{
    private readonly PriorityQueue<TaskCompletionSource, double> _running = new();
    private double _virtual, _last, _scheduled = double.PositiveInfinity;

    /// <summary>Bytes that have been given to it.</summary>
    public long Bytes { get; private set; }

    /// <summary>Most transfers at a time.</summary>
    public int Peak { get; private set; }

    /// <summary>Seconds that it was not idle.</summary>
    public double Busy { get; private set; }

    /// <summary>Carries bytes.</summary>
    public Task CarryAsync(long bytes)
    {
        Bytes += bytes;
        if (bytes == 0 || double.IsInfinity(rate)) { return Task.CompletedTask; }
        Advance();
        var end = new TaskCompletionSource();
        _running.Enqueue(end, _virtual + bytes);
        Peak = Math.Max(Peak, _running.Count);
        Schedule();
        return end.Task;
    }

    private void Advance()
    {
        if (_running.Count > 0)
        {
            _virtual += (clock.Now - _last) * rate / _running.Count;
            Busy += clock.Now - _last;
        }
        else
        {
            _virtual = 0;
        }

        _last = clock.Now;
    }

    /// <summary>An event that comes too early, because others have joined since, looks again.</summary>
    private void Schedule()
    {
        if (!_running.TryPeek(out _, out double first)) { return; }
        double time = clock.Now + (Math.Max(0, first - _virtual) * _running.Count / rate);
        if (time >= _scheduled) { return; }
        _scheduled = time;
        clock.At(time, () => Look(time));
    }

    private void Look(double time)
    {
        if (time > _scheduled) { return; }
        _scheduled = double.PositiveInfinity;
        Advance();
        // What a rounding of the time may leave over: less than it takes to be asked for again at the same time for ever.
        double reached = _virtual + 1e-3 + (_virtual * 1e-12) + (rate * clock.Now * 1e-14);
        List<TaskCompletionSource>? ended = null;
        while (_running.TryPeek(out var end, out double at) && at <= reached)
        {
            _running.Dequeue();
            (ended ??= []).Add(end);
        }

        Schedule();
        foreach (var end in ended ?? []) { end.SetResult(); }
    }
}
