using System.Diagnostics;

namespace Ctwa.Grains.Coordination;

/// <summary>Which part of a step is being done, for watchers. Kept on the coordinator's turn.</summary>
internal sealed class StepPhase
{
    private long _since = Stopwatch.GetTimestamp();

    /// <summary>One of <see cref="Abstractions.JobActivity.Phase"/>'s words; empty before the first.</summary>
    public string Name { get; private set; } = "";

    /// <summary>How long it has been that part's turn.</summary>
    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_since);

    /// <summary>Shards that are done with the present piece of work.</summary>
    public int Done { get; private set; }

    /// <summary>Shards that have it to do; 0: it is not divided by shards.</summary>
    public int Parts { get; private set; }

    /// <summary>A piece of work begins; of the same part as before, it goes on with that part's time.</summary>
    public void Begin(string name)
    {
        if (Name != name) { _since = Stopwatch.GetTimestamp(); }
        (Name, Done, Parts) = (name, 0, 0);
    }

    /// <summary>The piece of work is divided by shards.</summary>
    public void Divide(int parts) => (Done, Parts) = (0, parts);

    /// <summary>A shard is done.</summary>
    public void Finish() => Done++;
}
