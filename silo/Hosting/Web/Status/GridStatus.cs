using Ctwa.Grains.Abstractions;

namespace Ctwa.Silo.Hosting.Web.Status;

/// <summary>The grid at one moment, as one silo saw it.</summary>
internal sealed record GridStatus
{
    /// <summary>Name of the grid.</summary>
    public required string Cluster { get; init; }

    /// <summary>Address of the silo that looked.</summary>
    public required string ServedBy { get; init; }

    /// <summary>When.</summary>
    public required DateTimeOffset At { get; init; }

    public required IReadOnlyList<SiloOverview> Silos { get; init; }

    /// <summary>Jobs that run at a time.</summary>
    public required int Quota { get; init; }

    /// <summary>Jobs that run, then those that wait, then those that ended, newest first.</summary>
    public required IReadOnlyList<JobView> Jobs { get; init; }

    /// <summary>Jobs that the grid knows and that are not among <see cref="Jobs"/>.</summary>
    public required int JobsHidden { get; init; }

    /// <summary>Warnings and errors of these jobs, newest first.</summary>
    public required IReadOnlyList<JobFault> Faults { get; init; }

    /// <summary>What could not be asked just now; that part is as it was seen before.</summary>
    public required IReadOnlyList<string> Problems { get; init; }
}

/// <summary>A job with what its run says.</summary>
/// <param name="Record">What the grid remembers.</param>
/// <param name="Steps">Its last steps, oldest first; empty for those that were not looked into.</param>
/// <param name="Interference">The last steps with interference, oldest first.</param>
/// <param name="Activity">What it does now, and who computes for it; null: it does not run, or nobody has said yet.</param>
internal sealed record JobView(JobRecord Record, IReadOnlyList<StepNumbers> Steps, IReadOnlyList<StepNumbers> Interference, JobActivity? Activity);

/// <summary>Something that went wrong.</summary>
internal sealed record JobFault(string JobId, DateTimeOffset At, long Epoch, bool Error, string Text);
