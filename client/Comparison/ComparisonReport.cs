using Ctwa.Client.Jobs;
using Ctwa.Training.Specification;

namespace Ctwa.Client.Comparison;

/// <summary>An objective over a job's seeds.</summary>
/// <param name="Seeds">Before and after of each finished seed.</param>
internal sealed record ObjectiveResult(string Name, Spread? Before, Spread? After, IReadOnlyList<(double? Before, double? After)> Seeds);

/// <summary>A job over its seeds.</summary>
/// <param name="Label">Name in the comparison.</param>
/// <param name="Method">Its method, with the mode if that is not <c>corrected</c>.</param>
/// <param name="Runs">One per seed, failed ones included.</param>
internal sealed record JobResult(string Label, string Method, IReadOnlyList<RunResult> Runs)
{
    private IEnumerable<RunMeasures> Measures => Runs.Select(run => run.Measures).OfType<RunMeasures>();

    public int Finished => Measures.Count();

    public Spread? WorstGain => Spread.Of(Measures.Select(run => run.WorstGain));

    public Spread? HypervolumeBefore => Spread.Of(Measures.Select(run => run.Hypervolume?.Before));

    public Spread? Hypervolume => Spread.Of(Measures.Select(run => run.Hypervolume?.After));

    public Spread? InterferenceRate => Spread.Of(Measures.Select(run => run.InterferenceRate));

    public Spread? ForwardPasses => Spread.Of(Measures.Select(run => run.Cost?.ForwardPasses));

    public Spread? BackwardPasses => Spread.Of(Measures.Select(run => run.Cost?.BackwardPasses));

    public Spread? Seconds => Spread.Of(Measures.Select(run => run.Seconds));

    public Spread? LengthAfter => Spread.Of(Measures.Select(run => run.Length?.After));

    public ObjectiveResult Objective(string name)
    {
        (double? Before, double? After)[] seeds = [.. Measures.Select(run => run.Objectives.FirstOrDefault(objective => objective.Name == name)).Select(objective => (objective?.Before, objective?.After))];
        return new ObjectiveResult(name, Spread.Of(seeds.Select(seed => seed.Before)), Spread.Of(seeds.Select(seed => seed.After)), seeds);
    }
}

/// <summary>The results of a comparison, best worst objective first.</summary>
/// <param name="Command">The command that made it.</param>
/// <param name="Date">Day on which it ended, ISO.</param>
/// <param name="Machine">One line about the machine.</param>
/// <param name="Budget">One line about what each run was given.</param>
/// <param name="Parallel">Runs at a time.</param>
/// <param name="Seeds">Seeds of each job.</param>
/// <param name="Objectives">Names, in the jobs' order.</param>
/// <param name="Differences">What else differs between the jobs; see <see cref="ComparisonPlan.Differences"/>.</param>
/// <param name="Jobs">The jobs.</param>
internal sealed record ComparisonReport(
    string Command, string Date, string Machine, string Budget, int Parallel, IReadOnlyList<long> Seeds, IReadOnlyList<string> Objectives, IReadOnlyList<string> Differences, IReadOnlyList<JobResult> Jobs)
{
    public IEnumerable<RunResult> Runs => Jobs.SelectMany(job => job.Runs);

    public bool IsComplete => Runs.All(run => run.Measures is not null);

    public static ComparisonReport Create(ComparisonPlan plan, IReadOnlyList<RunResult> results, string command, string date, string machine, int parallel)
    {
        var jobs = plan.Labels.Select(label => new JobResult(label, MethodOf(plan.Runs.First(run => run.Label == label).Job.Spec.Scalarizer), [.. results.Where(result => result.Run.Label == label)]));
        string[] objectives = [.. plan.Runs.SelectMany(run => run.Job.Spec.Objectives.Select(objective => objective.Name)).Distinct()];
        return new ComparisonReport(command, date, machine, BudgetOf(plan.Runs[0].Job), parallel, plan.Seeds, objectives, plan.Differences, [.. jobs.OrderByDescending(job => job.WorstGain?.Mean ?? double.NegativeInfinity)]);
    }

    private static string MethodOf(ScalarizerSpec scalarizer) => scalarizer.MethodName() + (scalarizer.Mode == MethodMode.Reference ? " (reference)" : "");

    private static string BudgetOf(LoadedJob job)
    {
        var spec = job.Spec;
        string warm = spec.WarmStart is { } stage ? FormattableString.Invariant($"{stage.Steps} supervised steps, then ") : "";
        return FormattableString.Invariant($"{warm}{spec.Schedule.Steps} RL steps of {spec.Rollout.PromptsPerStep} prompts x {spec.Rollout.SamplesPerPrompt} completions, {job.Plan.UpdatesPerStep} optimizer updates each; {job.Plan.Parameters:N0} parameters");
    }
}
