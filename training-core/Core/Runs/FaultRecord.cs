using System.Globalization;
using System.Text.Json.Nodes;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Runs;

/// <summary>
/// What happened to a run besides its steps: starts, resumes, losses of silos, failures. One JSON object per line of <c>faults.jsonl</c>,
/// only ever appended, never read by training; docs/metrics.md has the names. It is what a report tells of faults survived, since
/// metrics.jsonl has one history and does not say how often a step was done.
/// </summary>
internal sealed class FaultRecord(RunDirectory run, Action<string> warn)
{
    /// <summary>Name in the run directory.</summary>
    public const string FileName = "faults.jsonl";

    /// <summary>Characters of a message that are kept.</summary>
    private const int LongestMessage = 600;

    /// <summary>A new run began.</summary>
    public void Started(TrainingStage stage) => Add("started", stage, 0);

    /// <summary>A process went on from a checkpoint.</summary>
    /// <param name="committed">The last committed step that was there; null: unknown.</param>
    public void Resumed(TrainingRunState from, TrainingRunState? committed) => Add("resumed", from.Stage, from.Step, redo: committed is not null && committed.Stage == from.Stage ? Math.Max(0, committed.Step - from.Step) : null);

    /// <summary>Another coordinator took over and went on after the last commit.</summary>
    public void Continued(TrainingRunState from) => Add("continued", from.Stage, from.Step);

    /// <summary>Somebody who computed was lost; what follows a commit is done again.</summary>
    public void Redone(TrainingRunState from, Exception lost) => Add("redone", from.Stage, from.Step, lost.Message);

    /// <summary>No copy of the committed weights survived; the run goes back to its last checkpoint.</summary>
    public void RolledBack(TrainingRunState? committed, Exception lost) => Add("rolled_back", committed?.Stage, committed?.Step, lost.Message);

    /// <summary>The run was asked to stop and has its checkpoint.</summary>
    public void Stopped(TrainingRunState? at) => Add("stopped", at?.Stage, at?.Step);

    /// <summary>The run reached its last step.</summary>
    public void Finished(TrainingRunState? at) => Add("finished", at?.Stage, at?.Step);

    /// <summary>The run ended with an error.</summary>
    public void Failed(TrainingRunState? at, Exception failure) => Add("failed", at?.Stage, at?.Step, $"{failure.GetType().Name}: {failure.Message}");

    private void Add(string kind, TrainingStage? stage, int? step, string? message = null, int? redo = null)
    {
        var line = new JsonObject
        {
            ["time"] = TimeProvider.System.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
            ["kind"] = kind,
            ["host"] = Environment.MachineName,
            ["process"] = Environment.ProcessId,
            ["epoch"] = run.Epoch,
        };
        if (stage is { } known) { line["stage"] = known == TrainingStage.Rl ? "rl" : "supervised"; }
        if (step is { } number) { line["step"] = number; }
        if (redo is { } steps) { line["redo_steps"] = steps; }
        if (message is not null) { line["message"] = message.Length > LongestMessage ? message[..LongestMessage] + "…" : message; }
        try
        {
            run.AppendLine(FileName, line.ToJsonString(StateJson.Lines));
        }
        catch (IOException failure)
        {
            // The record is for people; whether the run itself can go on is for its own writes to say.
            warn($"'{FileName}' could not be written: {failure.Message}");
        }
    }
}
