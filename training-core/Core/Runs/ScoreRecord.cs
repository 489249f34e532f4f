using System.Text.Json;
using Ctwa.Training.Rewards;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;

namespace Ctwa.Training.Runs;

/// <summary>
/// Scores and failures of a rollout as they were received, written durably before they are used (invariant I7): a redo
/// of the step reads them instead of asking the rewards again, whose answers may depend on the time of day.
/// </summary>
internal sealed record ScoreRecord
{
    public int Version { get; init; } = 1;

    /// <summary>Hash of each completion's tokens, shape [B]; a redo with other completions does not use the record.</summary>
    public required ulong[] Completions { get; init; }

    /// <summary>One column per objective, in the job's order.</summary>
    public required IReadOnlyList<ScoreColumn> Columns { get; init; }

    /// <summary>Writes the record of a rollout.</summary>
    public static void Write(RunDirectory run, string path, IReadOnlyList<CompletionSummary> completions, IReadOnlyList<ObjectiveSpec> objectives, IReadOnlyList<IReadOnlyList<ScoreAttempt>> columns)
    {
        var record = new ScoreRecord
        {
            Completions = [.. completions.Select(completion => completion.TokensHash)],
            Columns = [.. columns.Select((column, j) => new ScoreColumn(
                objectives[j].Name,
                [.. column.Select(attempt => attempt.Failure is null ? attempt.Score : (double?)null)],
                column.Select((attempt, sample) => (attempt, sample)).Where(entry => entry.attempt.Failure is not null).ToDictionary(entry => entry.sample, entry => entry.attempt.Failure!),
                column.Sum(attempt => attempt.Retries)))],
        };
        run.Write(path, () =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, JsonSerializer.SerializeToUtf8Bytes(record, StateJson.Lines), durable: true);
        });
    }

    /// <summary>Reads the record of a rollout; null if there is none for these completions and objectives.</summary>
    /// <param name="warn">Receives why a record that is there cannot be used.</param>
    public static IReadOnlyList<IReadOnlyList<ScoreAttempt>>? Read(string path, IReadOnlyList<CompletionSummary> completions, IReadOnlyList<ObjectiveSpec> objectives, Action<string> warn)
    {
        if (!File.Exists(path)) { return null; }

        ScoreRecord? record;
        try
        {
            record = JsonSerializer.Deserialize<ScoreRecord>(File.ReadAllBytes(path), StateJson.Lines);
        }
        catch (JsonException)
        {
            record = null;
        }

        bool readable = record is { Version: 1 } && record.Columns.Select(column => column.Objective).SequenceEqual(objectives.Select(objective => objective.Name))
            && record.Columns.All(column => column.Scores.Length == record.Completions.Length && Enumerable.Range(0, column.Scores.Length).All(sample => column.Scores[sample] is not null || column.Failures.ContainsKey(sample)));
        if (!readable)
        {
            warn($"'{path}' is damaged or of another job; the rewards are asked again.");
            return null;
        }

        if (!record!.Completions.SequenceEqual(completions.Select(completion => completion.TokensHash)))
        {
            warn($"'{path}' was recorded for other completions than the ones drawn now, so the rewards are asked again: this machine's arithmetic or the schedule differs from the earlier attempt's.");
            return null;
        }

        return [.. record.Columns.Select(column => (IReadOnlyList<ScoreAttempt>)[.. column.Scores.Select((score, sample) =>
            score is { } received ? ScoreAttempt.Of(received, 0) : ScoreAttempt.Failed(column.Failures[sample], 0))])];
    }
}

/// <summary>One objective's part of a <see cref="ScoreRecord"/>.</summary>
/// <param name="Objective">Name.</param>
/// <param name="Scores">Score per sample; null where it failed.</param>
/// <param name="Failures">Reason by sample index.</param>
/// <param name="Retries">Calls beyond the first, over all samples.</param>
internal sealed record ScoreColumn(string Objective, double?[] Scores, IReadOnlyDictionary<int, string> Failures, int Retries);
