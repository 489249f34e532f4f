namespace Ctwa.Client.Supervision;

/// <summary>How long a client waits for what; nothing waits without one of these.</summary>
internal sealed record Deadlines
{
    /// <summary>From the silo's start to its ready line.</summary>
    public TimeSpan Ready { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>From the ready line to a connection.</summary>
    public TimeSpan Connect { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>One grain call.</summary>
    public TimeSpan Call { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Grain calls failing in a row while the silo's process lives.</summary>
    public TimeSpan Unreachable { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Between two attempts.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromMilliseconds(300);

    /// <summary>Between two looks at a job that waits, or whose stream is silent.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>For the last answer of a silo that is gone.</summary>
    public TimeSpan LastWords { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>From the end of the job to the silo's exit.</summary>
    public TimeSpan Shutdown { get; init; } = TimeSpan.FromSeconds(15);
}
