namespace Ctwa.Grains.Hosting;

/// <summary>What this silo is busy with: a silo that leaves waits for it, and its health is judged by it.</summary>
public interface ISiloActivity
{
    /// <summary>No job has shards, slices or its coordinator here.</summary>
    bool IsIdle { get; }

    /// <summary>How long the oldest piece of work has been running on one of its lanes; zero if none runs.</summary>
    TimeSpan LongestWork => TimeSpan.Zero;
}
