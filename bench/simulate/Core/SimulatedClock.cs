namespace Ctwa.Bench.Simulate;

/// <summary>Simulated time: events in order of their time, and of their making where that is equal. One thread; nothing depends on the real clock.</summary>
internal sealed class SimulatedClock
{
    private readonly PriorityQueue<Action, (double Time, long Number)> _events = new();
    private long _number;

    /// <summary>Seconds since the beginning.</summary>
    public double Now { get; private set; }

    /// <summary>Has something happen at a time; not before now.</summary>
    public void At(double time, Action action) => _events.Enqueue(action, (Math.Max(time, Now), _number++));

    /// <summary>Ends after so many seconds.</summary>
    public Task DelayAsync(double seconds)
    {
        if (seconds <= 0) { return Task.CompletedTask; }
        var end = new TaskCompletionSource();
        At(Now + seconds, end.SetResult);
        return end.Task;
    }

    /// <summary>Runs a program until it has ended, with all its waiting in simulated time.</summary>
    /// <exception cref="InvalidOperationException">Nothing is left to happen, and it still waits.</exception>
    public void Run(Func<Task> program)
    {
        // Continuations run where their event happens, never on a pool: that is what makes the order a function of the input.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            var running = program();
            while (!running.IsCompleted && _events.TryDequeue(out var action, out var place))
            {
                Now = place.Time;
                action();
            }

            if (!running.IsCompleted) { throw new InvalidOperationException("the simulated step waits for something that never happens."); }
            running.GetAwaiter().GetResult();
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }
    }
}
