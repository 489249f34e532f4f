using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Where the distance to the ideal point is taken: inside or outside the expectation over completions.</summary>
public enum DistanceForm
{
    /// <summary>One distance per completion: E[max …]; a completion must be good in every objective.</summary>
    Sample,

    /// <summary>Of the mean scores: max … E; weights go to the objective whose mean lies farthest from the ideal.</summary>
    Expected,
}

/// <summary>Options shared by the methods that minimise a distance to an ideal point z.</summary>
public abstract record IdealPointScalarizerSpec : ScalarizerSpec
{
    [Description("expected (default): the distance of the mean scores, so weights go to the objective farthest from the ideal; sample: the distance of each completion, which must be good in every objective.")]
    public DistanceForm Form { get; init; } = DistanceForm.Expected;

    [Description("z, the ideal score of each objective, in the order of objectives, or one number for all; default: the largest score of any training completion so far. Validation never moves it.")]
    public NumberOrList? Ideal { get; init; }

    [Description("Added to every distance (after division by ideal − nadir, if there is a nadir), so that reaching the ideal does not end learning.")]
    [Range(0.0, 1000.0)]
    public double Epsilon { get; init; } = 0.01;

    [Description("Scores that count as worst, one per objective or one for all; distances are divided by ideal − nadir. Needs ideal. Default: distances are not scaled.")]
    public NumberOrList? Nadir { get; init; }

    [Description("form: expected, τ of the moving average of the mean scores; 1: only the step's own.")]
    [Range(1e-6, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.SeveralObjectives(job), .. MethodRules.OnePerObjective(job, "ideal", Ideal), .. MethodRules.OnePerObjective(job, "nadir", Nadir),
        .. MethodRules.UsedOnlyWith("nadir", Nadir is not null && Ideal is null, "ideal (a running ideal has no fixed distance from it)"), .. NadirBelowIdeal(job),
    ];

    private IEnumerable<JobFinding> NadirBelowIdeal(JobSpec job)
    {
        int count = job.Objectives.Count;
        if (Ideal is null || Nadir is null || (Ideal.List?.Count ?? count) != count || (Nadir.List?.Count ?? count) != count) { yield break; }
        double[] ideal = Ideal.Expand(count), nadir = Nadir.Expand(count);
        for (int j = 0; j < count; j++)
        {
            if (ideal[j] > nadir[j]) { continue; }
            yield return new(Nadir.List is null ? "scalarizer.nadir" : $"scalarizer.nadir[{j}]", FormattableString.Invariant($"is {nadir[j]}, not below the ideal {ideal[j]} of {job.Objectives[j].Name}; scores are maximised, so the worst score must be smaller than the ideal one."));
            if (Nadir.List is null) { yield break; }
        }
    }
}
