using Ctwa.Client.Output;
using Ctwa.Grains.Abstractions;

namespace Ctwa.Client.Grid;

/// <summary>
/// Shows a job's events once, whoever tells them: coordinators that follow each other number theirs from 1 each and do steps
/// again that one before has told.
/// </summary>
internal sealed class SeenEvents(IRunOutput output)
{
    private readonly HashSet<string> checkpoints = new(StringComparer.Ordinal);
    private JobPosition? latest;

    /// <summary>Incarnation whose events are shown now.</summary>
    public long Epoch { get; private set; }

    /// <summary>The newest event of that incarnation.</summary>
    public long Sequence { get; private set; }

    /// <summary>The newest step that was shown; null before the first.</summary>
    public JobPosition? Latest => latest;

    public bool SummaryShown { get; private set; }

    /// <summary>From now on another incarnation speaks.</summary>
    /// <returns>Whether it is another; an earlier one is not listened to any more.</returns>
    public bool Begin(long epoch)
    {
        if (epoch <= Epoch) { return false; }
        // The first that is heard follows nobody, whatever the run's files tell of before.
        if (Epoch > 0 || Sequence > 0) { output.Note(latest is null ? "resumed by another silo" : $"resumed by another silo (last seen: {latest})"); }
        (Epoch, Sequence) = (epoch, 0);
        return true;
    }

    /// <summary>The same incarnation begins again: it was given up and started anew.</summary>
    public void BeginAgain() => Sequence = 0;

    /// <returns>Whether the event was new.</returns>
    public bool Show(JobEvent happened)
    {
        if (happened.Sequence <= Sequence) { return false; }
        if (happened.Sequence > Sequence + 1) { output.Warn(FormattableString.Invariant($"events {Sequence + 1} to {happened.Sequence - 1} of the job are not kept any more; metrics.jsonl has all steps.")); }
        Sequence = happened.Sequence;
        if (IsNews(happened)) { output.Show(happened); }
        return true;
    }

    /// <summary>Shows a line of the metrics file that no event told.</summary>
    /// <returns>Its step; null if it is none.</returns>
    public JobPosition? ShowLine(string json)
    {
        if (JobMetrics.Parse(json) is not { } metrics) { return null; }
        var happened = new JobEvent(0, metrics.IsSupervised ? JobEventKind.SupervisedStep : JobEventKind.Step, json);
        if (IsNews(happened)) { output.Show(happened); }
        return PositionOf(metrics);
    }

    /// <summary>Shows the closing summary unless an event did.</summary>
    public void ShowSummary(string json)
    {
        if (!SummaryShown) { output.Show(new JobEvent(0, JobEventKind.Summary, json)); }
        SummaryShown = true;
    }

    private bool IsNews(JobEvent happened)
    {
        switch (happened.Kind)
        {
            // A step that is done again gives the same numbers: it is one step.
            case JobEventKind.Step or JobEventKind.SupervisedStep when JobMetrics.Parse(happened.Json) is { } metrics:
                if (!PositionOf(metrics).IsAfter(latest)) { return false; }
                latest = PositionOf(metrics);
                return true;
            case JobEventKind.Checkpoint: return checkpoints.Add(happened.Json);
            case JobEventKind.Summary:
                SummaryShown = true;
                return true;
            default: return true;
        }
    }

    private static JobPosition PositionOf(JobMetrics metrics) => new(metrics.IsSupervised, metrics.Step);
}
