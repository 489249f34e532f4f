using System.Diagnostics.Metrics;
using Ctwa.Training.Specification;
using Ctwa.Training.Steps;
using static Ctwa.Training.Telemetry.JobInstruments;

namespace Ctwa.Training.Telemetry;

/// <summary>
/// What the process of a job's coordinator tells of the job. One series per job and instrument: labels name no process, so that a
/// job that another silo goes on with goes on in the same series, apart from what a collector adds. Gauges end with the job, counters two
/// minutes later. Safe for several threads.
/// </summary>
public sealed class JobTelemetry : IDisposable
{
    /// <summary>Objectives that are told of; of a job with more, the first ones.</summary>
    public const int MostObjectives = 16;

    private static readonly TimeSpan s_lastWords = TimeSpan.FromMinutes(2);

    private readonly Dictionary<(JobInstrument Instrument, string First, string Second), Series> _series = [];
    private readonly string[] _objectives;
    private readonly TimeProvider _time;
    private long _lostAt;
    private string? _lost;
    private long? _endedAt;

    internal JobTelemetry(string jobId, JobSpec spec, TimeProvider time)
    {
        JobId = LabelText.Bounded(jobId);
        _time = time;
        _lostAt = time.GetTimestamp();
        _objectives = [.. spec.Objectives.Take(MostObjectives).Select(objective => objective.Name)];
        // Counters begin at 0: a rate over the first increment would not see it otherwise.
        foreach (var stage in Enum.GetValues<TrainingStage>().Where(stage => stage == TrainingStage.Rl ? spec.Kind == JobKind.Rl : spec.Kind == JobKind.Sft || spec.WarmStart is not null))
        {
            Add(StepCount, 0, Word(stage));
            Add(Tokens, 0, Word(stage));
        }

        foreach (string phase in (string[])[.. spec.Kind == JobKind.Rl ? JobMetricsTable.Phases : ["update"], "commit", "checkpoint"]) { Add(PhaseTime, 0, phase); }
        foreach (string kind in (string[])["in_place", "checkpoint", "resumed"]) { Add(Recoveries, 0, kind); }
        foreach (string kind in (string[])["duplicated", "won"]) { Add(Stragglers, 0, kind); }
        foreach (var counter in (JobInstrument[])[CheckpointCount, LossCount, Redos, RecoveryTime, Promotions, Dropped]) { Add(counter, 0); }
        foreach (string objective in _objectives)
        {
            Add(Failures, 0, objective);
            Add(Interference, 0, objective);
        }
    }

    /// <summary>The job's label.</summary>
    public string JobId { get; }

    /// <summary>Its loop has ended here.</summary>
    internal bool HasEnded
    {
        get
        {
            lock (_series) { return _endedAt is not null; }
        }
    }

    /// <summary>Nothing of it is told any more.</summary>
    internal bool IsForgotten
    {
        get
        {
            lock (_series) { return _endedAt is { } ended && _time.GetElapsedTime(ended) > s_lastWords; }
        }
    }

    /// <summary>Begins to tell of a job whose loop this process is about to run.</summary>
    public static JobTelemetry Begin(string jobId, JobSpec spec) => Begin(jobId, spec, TimeProvider.System);

    internal static JobTelemetry Begin(string jobId, JobSpec spec, TimeProvider time)
    {
        var job = new JobTelemetry(jobId, spec, time);
        if (RunningJobs.Add(job) is { } before) { job.GoOnFrom(before); }
        return job;
    }

    /// <summary>The job's loop has ended here.</summary>
    public void Dispose()
    {
        lock (_series) { _endedAt ??= _time.GetTimestamp(); }
    }

    /// <summary>A step is committed.</summary>
    internal void Commit(TrainingStage stage, int step, MetricsLine line, TimeSpan commit)
    {
        string word = Word(stage);
        lock (_series)
        {
            Add(StepCount, 1, word);
            Add(Tokens, line.Tokens, word);
            Add(PhaseTime, commit.TotalSeconds, "commit");
            foreach (string phase in JobMetricsTable.Phases) { Add(PhaseTime, line[$"time/{phase}_s"] ?? 0, phase); }
            Add(Dropped, line["samples/dropped"] ?? 0);
            Set(Step, step, word);
            Set(Planned, line["steps_total"], word);
            Set(Committed, _time.GetUtcNow().ToUnixTimeMilliseconds() / 1e3);
            foreach (var (metric, instrument, kind) in JobMetricsTable.Job) { Set(instrument, line[metric], kind); }
            foreach (string objective in _objectives) { SetObjective(line, objective); }
        }

        StepDuration.Record(line["time/step_s"] ?? 0, new KeyValuePair<string, object?>(TelemetryNames.StageLabel, word));
        if (_lost is { } lost)
        {
            Add(Recoveries, 1, lost);
            Add(RecoveryTime, _time.GetElapsedTime(_lostAt).TotalSeconds);
            _lost = null;
        }
    }

    /// <summary>What held-out prompts gave before the first step.</summary>
    internal void Baseline(HeldOutBaseline? baseline)
    {
        for (int j = 0; baseline is not null && j < Math.Min(_objectives.Length, baseline.Objectives.Count); j++) { Set(Validation, baseline.Objectives[j].Mean, _objectives[j]); }
    }

    /// <summary>Somebody who computed was lost.</summary>
    /// <param name="toCheckpoint">The run goes back to its last checkpoint; false: to its last commit.</param>
    internal void Lose(bool toCheckpoint)
    {
        // What could not be recovered in place is the same loss.
        if (!toCheckpoint || _lost != "in_place") { Add(LossCount, 1); }
        Add(Redos, 1);
        // Time counts from the first loss, the way back from the longest.
        if (_lost is null) { _lostAt = _time.GetTimestamp(); }
        if (_lost is null || toCheckpoint) { _lost = toCheckpoint ? "checkpoint" : "in_place"; }
    }

    /// <summary>This coordinator goes on with a run that had begun: after another one's end, or a pause. Time counts from this coordinator's begin.</summary>
    internal void Resume() => _lost ??= "resumed";

    internal void Checkpoint(TimeSpan time, long bytes)
    {
        Add(CheckpointCount, 1);
        Add(PhaseTime, time.TotalSeconds, "checkpoint");
        Set(CheckpointSize, bytes);
    }

    /// <summary>A plan: who computes, and how many slices have a mirror.</summary>
    internal void Place(int members, int mirrored, int single, int promotions)
    {
        Set(Members, members);
        Set(Slices, mirrored, "mirrored");
        Set(Slices, single, "single");
        Add(Promotions, promotions);
    }

    /// <summary>A shard is given to a second silo too; or that one was first.</summary>
    internal void Straggle(bool won) => Add(Stragglers, 1, won ? "won" : "duplicated");

    internal List<Measurement<double>> Measure(JobInstrument instrument)
    {
        lock (_series)
        {
            if (_endedAt is { } ended && (!instrument.Counts || _time.GetElapsedTime(ended) > s_lastWords)) { return []; }
            return [.. _series.Where(one => one.Key.Instrument == instrument).Select(one => new Measurement<double>(one.Value.Value, one.Value.Labels))];
        }
    }

    private void SetObjective(MetricsLine line, string objective)
    {
        foreach (var (before, after, instrument) in JobMetricsTable.Objective)
        {
            double? value = line[$"{before}{objective}{after}"];
            if (instrument.Counts) { Add(instrument, value ?? 0, objective); }
            else { Set(instrument, value, objective); }
        }

        foreach (string other in _objectives)
        {
            Set(Cosine, line[$"gradient/cosine/{objective}/{other}"], objective, other);
            // The first of a pair fell, the second gained most; one such pair per objective that fell.
            Add(Interference, line[$"interference/pair/{objective}/{other}"] ?? 0, objective);
        }
    }

    private void GoOnFrom(JobTelemetry before)
    {
        lock (before._series)
        {
            foreach (var ((instrument, first, second), series) in before._series.Where(one => one.Key.Instrument.Counts)) { Add(instrument, series.Value, first, second); }
        }
    }

    private void Add(JobInstrument instrument, double value, string first = "", string second = "") => Change(instrument, value, first, second, add: true);

    private void Set(JobInstrument instrument, double? value, string first = "", string second = "")
    {
        if (value is { } number) { Change(instrument, number, first, second, add: false); }
    }

    private void Change(JobInstrument instrument, double value, string first, string second, bool add)
    {
        lock (_series)
        {
            if (!_series.TryGetValue((instrument, first, second), out var series))
            {
                string[] words = [first, second];
                _series[(instrument, first, second)] = series = new Series([new(TelemetryNames.JobLabel, JobId), .. instrument.Labels.Select((label, i) => new KeyValuePair<string, object?>(label, words[i]))]);
            }

            series.Value = add ? series.Value + value : value;
        }
    }

    private static string Word(TrainingStage stage) => stage == TrainingStage.Rl ? "rl" : "supervised";

    /// <summary>A value and the labels that it is told with.</summary>
    private sealed class Series(KeyValuePair<string, object?>[] labels)
    {
        public KeyValuePair<string, object?>[] Labels => labels;

        public double Value { get; set; }
    }
}
