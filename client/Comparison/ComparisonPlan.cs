using Ctwa.Client.Commands;
using Ctwa.Client.Jobs;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Comparison;

/// <summary>One job under one seed.</summary>
/// <param name="Label">The job's name in the comparison.</param>
/// <param name="Seed">Its seed.</param>
/// <param name="Job">The job, ready to run.</param>
/// <param name="Folder">Its run directory.</param>
/// <param name="WarmStart">The supervised stage that it shares with others; null: it makes its own, or has none.</param>
internal sealed record PlannedRun(string Label, long Seed, LoadedJob Job, string Folder, WarmStartRun? WarmStart)
{
    /// <summary>For progress lines: <c>ctwa seed 1</c>.</summary>
    public string Title => FormattableString.Invariant($"{Label} seed {Seed}");
}

/// <summary>What a comparison will run, decided before anything starts.</summary>
/// <param name="Labels">Names of the jobs, in the order in which they were given.</param>
/// <param name="Runs">Every job under every seed, seed by seed: an interrupted comparison has whole seeds.</param>
/// <param name="WarmStarts">Supervised stages that several runs share.</param>
/// <param name="Differences">Settings besides name, scalarizer and seed in which jobs differ from the first one, one line each.</param>
internal sealed record ComparisonPlan(IReadOnlyList<string> Labels, IReadOnlyList<PlannedRun> Runs, IReadOnlyList<WarmStartRun> WarmStarts, IReadOnlyList<string> Differences)
{
    private const int MostShown = 12;

    public IReadOnlyList<long> Seeds => [.. Runs.Select(run => run.Seed).Distinct()];

    /// <summary>Reads and checks all jobs.</summary>
    /// <param name="folder">Folder of the comparison.</param>
    /// <param name="here">To which relative paths belong.</param>
    /// <exception cref="CommandFailure">Jobs are wrong, or differ in more than a comparison may; the message lists everything.</exception>
    public static ComparisonPlan Create(CompareOptions options, string folder, string here)
    {
        string[] labels = LabelsOf(options.Jobs);
        var seeds = CompareOptions.ReadSeeds(options.Seeds)!;
        var jobs = Load(options, seeds, here);
        var first = jobs[0][0].Spec;
        string[] differences = [.. labels.Skip(1).Zip(jobs.Skip(1), (label, job) => DifferencesOf(first, job[0].Spec, label, labels[0])).SelectMany(lines => lines)];
        if (differences.Length > 0 && !options.AllowDifferent)
        {
            string more = differences.Length > MostShown ? FormattableString.Invariant($"\n  and {differences.Length - MostShown} more") : "";
            throw new CommandFailure(ExitCodes.BadInput, $"the jobs differ in more than name, scalarizer and seed, so that what comes out would not be the methods' doing:\n  {string.Join("\n  ", differences.Take(MostShown))}{more}\nMake them equal, or compare them as they are with --allow-different.");
        }

        var runs = new List<PlannedRun>();
        var stages = new Dictionary<string, WarmStartRun>();
        for (int s = 0; s < seeds.Count; s++)
        {
            var stageOf = jobs.Select(job => WarmStartRun.KeyOf(job[s].Spec)).ToArray();
            for (int j = 0; j < labels.Length; j++)
            {
                WarmStartRun? stage = null;
                if (stageOf[j] is { } key && stageOf.Count(other => other == key) > 1 && !stages.TryGetValue(key, out stage))
                {
                    int number = stages.Values.Count(other => other.Seed == seeds[s]);
                    string name = FormattableString.Invariant($"warm-start-seed-{seeds[s]}{(number == 0 ? "" : $"-{number + 1}")}");
                    stages[key] = stage = WarmStartRun.For(jobs[j][s], Path.Combine(folder, name));
                }

                runs.Add(new PlannedRun(labels[j], seeds[s], jobs[j][s], Path.Combine(folder, FormattableString.Invariant($"{labels[j]}-seed-{seeds[s]}")), stage));
            }
        }

        return new ComparisonPlan(labels, runs, [.. stages.Values], differences);
    }

    private static string[] LabelsOf(IReadOnlyList<string> paths)
    {
        string[] labels = [.. paths.Select(path => Path.GetFileNameWithoutExtension(path))];
        return labels.GroupBy(label => label).FirstOrDefault(group => group.Count() > 1)?.Key is { } twice
            ? throw new CommandFailure(ExitCodes.BadInput, $"two jobs have the file name '{twice}', which names a job in the tables and its run directories: {string.Join(", ", paths.Where(path => Path.GetFileNameWithoutExtension(path) == twice))}. Rename one.")
            : labels;
    }

    /// <returns>Per job, one for each seed.</returns>
    private static List<LoadedJob[]> Load(CompareOptions options, IReadOnlyList<long> seeds, string here)
    {
        var jobs = new List<LoadedJob[]>();
        var errors = new List<string>();
        foreach (string path in options.Jobs)
        {
            try
            {
                jobs.Add([.. seeds.Select(seed => JobFiles.Load(path, [.. options.Overrides, FormattableString.Invariant($"seed={seed}")], here, lanes: null))]);
                var spec = jobs[^1][0].Spec;
                if (spec.Kind != JobKind.Rl) { errors.Add($"{path}: kind is sft; only reinforcement learning has objectives to compare."); }
                else if (spec.Schedule.ValidateEvery == 0) { errors.Add($"{path}: schedule.validate_every is 0, so that nothing is measured before and after; give it a number."); }
            }
            catch (CommandFailure failure)
            {
                errors.Add(failure.Message);
            }
        }

        return errors.Count == 0 ? jobs : throw new CommandFailure(ExitCodes.BadInput, string.Join('\n', errors));
    }

    private static IEnumerable<string> DifferencesOf(JobSpec first, JobSpec other, string label, string firstLabel) =>
        JobSettings.Differences(first, other)
            .Where(difference => JobSettings.SectionOf(difference.Key) is not ("name" or "scalarizer" or "seed"))
            .Select(difference => $"{difference.Key} is {difference.Second ?? "absent"} in {label}, {difference.First ?? "absent"} in {firstLabel}");
}
