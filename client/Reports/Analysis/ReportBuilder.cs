using System.Globalization;
using Ctwa.Client.Reports.Reading;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Reports.Analysis;

/// <summary>Works out what a page shows of some runs.</summary>
internal static class ReportBuilder
{
    /// <summary>Points of all series of all runs together: about 20 bytes each in the page.</summary>
    private const int PointBudget = 240_000;
    private const int LeastPoints = 40;
    private const int LongestJob = 48 * 1024;
    private const int MostDifferences = 60;

    /// <param name="runs">Runs with the same objectives.</param>
    /// <param name="tool">Name and version of this program.</param>
    /// <param name="now">UTC.</param>
    /// <exception cref="CommandFailure">A file of a run cannot be read.</exception>
    public static ReportData Build(IReadOnlyList<RunRecord> runs, string tool, DateTimeOffset now)
    {
        var objectives = runs[0].Objectives;
        int[] counts = [.. runs.SelectMany(run => (StageMetrics[])[run.Metrics.Rl, run.Metrics.Supervised]).SelectMany(stage => StagePoints.Names(stage).Select(name => stage[name]!.Count))];
        int most = Thinning.PointsPerSeries(counts, PointBudget, LeastPoints);
        var validations = Validations.Of(runs, objectives);
        var gains = runs.Select((run, r) => WorstGain(validations[r])).ToList();
        // Stable: runs that cannot be ranked stay in the order in which they were given, behind the others.
        int[] order = [.. Enumerable.Range(0, runs.Count).OrderByDescending(r => gains[r] ?? double.NegativeInfinity)];
        var ranked = order.Select((r, place) => Run(runs[r], objectives, validations[r], gains[r], gains[r] is null ? null : place + 1, most)).ToList();
        return new ReportData(tool, now.ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture), objectives, ranked, Differences([.. order.Select(r => runs[r])]));
    }

    /// <summary>Change from the first validation to the last of the objective that gained least; null without both.</summary>
    private static double? WorstGain(ValidationData validation)
    {
        if (validation.Steps.Count < 2 || validation.Steps[0] != 0) { return null; }
        double?[] gains = [.. validation.Mean[^1].Zip(validation.Mean[0], (after, before) => after - before)];
        return gains.Length > 0 && gains.All(gain => gain is not null) ? gains.Min() : null;
    }

    private static RunData Run(RunRecord run, IReadOnlyList<string> objectives, ValidationData validation, double? gain, int? rank, int most)
    {
        var metrics = run.Metrics.Rl;
        var stage = metrics.Steps.Count > 0 ? metrics : run.Metrics.Supervised;
        var (samples, notes) = Samples(run, objectives);
        return new RunData
        {
            Label = run.Label,
            Path = run.Shown,
            Name = run.Job?.Name,
            Kind = run.Job?.Kind.ToString().ToLowerInvariant(),
            Method = run.Job is { Kind: JobKind.Rl } job ? job.Scalarizer.MethodName() : null,
            Mode = run.Job is { Kind: JobKind.Rl } inMode ? inMode.Scalarizer.Mode.ToString().ToLowerInvariant() : null,
            Seed = run.Job?.Seed,
            Steps = stage.LastStep,
            StepsTotal = stage.StepsTotal,
            Finished = run.Summary is not null,
            Rank = rank,
            WorstGain = gain,
            Rl = StagePoints.Of(metrics, most),
            Supervised = StagePoints.Of(run.Metrics.Supervised, most),
            Validation = validation,
            Cosines = CosineHeat.Of(metrics, objectives),
            Prediction = Prediction.Of(metrics, objectives, validation),
            Interference = InterferenceEvents.Of(metrics, objectives),
            Time = TimeBreakdown.Of(metrics),
            Samples = samples,
            Faults = FaultHistory.Of(run),
            Targets = MethodTargets.Of(run, objectives),
            Summary = run.Summary,
            Job = run.JobText is { } text ? BoundedText.Shorten(text, LongestJob) : null,
            Notes = [.. run.Notes, .. notes],
        };
    }

    private static (SampleData Samples, IReadOnlyList<string> Notes) Samples(RunRecord run, IReadOnlyList<string> objectives)
    {
        try { return (SampleChanges.Of(run.Folder, objectives), []); }
        // Samples are pruned and replaced while a run goes on; a report without them is still one.
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { return (new SampleData("none", null, []), [$"Its samples cannot be read: {e.Message}"]); }
    }

    private static List<SettingData> Differences(RunRecord[] runs)
    {
        if (runs.Length < 2 || runs.Any(run => run.Job is null)) { return []; }
        string[] jobs = [.. runs.Select(run => JobSpecJson.Serialize(run.Job!))];
        // Against the first: a key in which any run differs from it.
        var values = new SortedDictionary<string, string?[]>(StringComparer.Ordinal);
        for (int r = 1; r < jobs.Length; r++)
        {
            foreach (var difference in JobSettings.Differences(jobs[0], jobs[r]))
            {
                if (!values.TryGetValue(difference.Key, out string?[]? row)) { values[difference.Key] = row = [.. Enumerable.Repeat(difference.First, jobs.Length)]; }
                row[r] = difference.Second;
            }
        }

        return [.. values.Take(MostDifferences).Select(entry => new SettingData(entry.Key, entry.Value))];
    }
}
