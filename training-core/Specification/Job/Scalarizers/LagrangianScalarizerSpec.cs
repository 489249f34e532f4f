using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>How the multipliers λ of constrained objectives follow the gaps J = constraint − mean score.</summary>
public enum DualUpdate
{
    /// <summary>Projected dual ascent: λ ← [λ + ηJ] between 0 and lambda_max.</summary>
    Linear,

    /// <summary>Ascent of the logarithm: ln λ ← ln λ + ηJ (Safe RLHF, arXiv 2310.12773).</summary>
    Log,

    /// <summary>λ from the gap, its integral (rate η) and its rise (arXiv 2007.03964).</summary>
    Pid,
}

/// <summary>Maximise one objective while the others reach given mean scores; their multipliers are learned.</summary>
[ScalarizationMethod("lagrangian")]
public sealed record LagrangianScalarizerSpec : ScalarizerSpec
{
    [Description("Name of the objective that is maximised; default, and always in reference mode: the first. All others are constrained.")]
    public string? Primary { get; init; }

    [Description("Mean score that each constrained objective shall reach: one per objective without the primary, in order, or one for all. Needed.")]
    public NumberOrList? Constraints { get; init; }

    [Description("linear (default): projected ascent; log: ascent of ln λ; pid: proportional, integral and derivative terms. Reference mode: linear.")]
    public DualUpdate DualUpdate { get; init; } = DualUpdate.Linear;

    [Description("η, step size of the multipliers; with pid the gain of the integral.")]
    [Range(0.0, 1000.0)]
    public double DualLearningRate { get; init; } = 0.05;

    [Description("First multiplier of every constraint; default: 0, with log 0.1 (it must be positive there).")]
    [Range(0.0, 1e6)]
    public double? LambdaStart { get; init; }

    [Description("Corrected mode: largest multiplier, so that the primary objective keeps at least 1/(1 + constraints × lambda_max) of the weight.")]
    [Range(1e-6, 1e6)]
    public double LambdaMax { get; init; } = 10;

    [Description("Corrected mode: τ of the moving average of mean scores from which the gaps are taken; 1: only the last step.")]
    [Range(1e-6, 1.0)]
    public double EmaRate { get; init; } = 0.3;

    [Description("With dual_update: pid, gain of the gap itself; default 0.1.")]
    [Range(0.0, 1000.0)]
    public double? ProportionalGain { get; init; }

    [Description("With dual_update: pid, gain of the gap's rise since the last step; default 0.1.")]
    [Range(0.0, 1000.0)]
    public double? DerivativeGain { get; init; }

    /// <inheritdoc/>
    public override IEnumerable<JobFinding> Check(JobSpec job) =>
    [
        .. MethodRules.SeveralObjectives(job), .. PrimaryIsAnObjective(job), .. OneConstraintEach(job), .. Start(job),
        .. MethodRules.UsedOnlyWith("proportional_gain", ProportionalGain is not null && DualUpdate != DualUpdate.Pid, "dual_update: pid"),
        .. MethodRules.UsedOnlyWith("derivative_gain", DerivativeGain is not null && DualUpdate != DualUpdate.Pid, "dual_update: pid"),
        .. MethodRules.UsedOnlyWith("primary", Primary is not null && Mode == MethodMode.Reference, "mode: corrected (the reference takes the first objective)"),
        .. MethodRules.UsedOnlyWith("dual_update", DualUpdate != DualUpdate.Linear && Mode == MethodMode.Reference, "mode: corrected (the reference is linear)"),
    ];

    /// <summary>Index of the objective that is maximised.</summary>
    /// <exception cref="ArgumentException">No objective has that name.</exception>
    public int PrimaryIndex(IReadOnlyList<ObjectiveSpec> objectives)
    {
        if (Primary is null || Mode == MethodMode.Reference) { return 0; }
        for (int j = 0; j < objectives.Count; j++)
        {
            if (objectives[j].Name == Primary) { return j; }
        }

        throw new ArgumentException(Unknown(objectives), nameof(objectives));
    }

    private string Unknown(IReadOnlyList<ObjectiveSpec> objectives) =>
        $"scalarizer.primary is '{Primary}', which is no objective; accepted: {string.Join(", ", objectives.Select(objective => objective.Name))}.";

    private IEnumerable<JobFinding> PrimaryIsAnObjective(JobSpec job)
    {
        if (Primary is not null && Mode == MethodMode.Corrected && job.Objectives.Count > 0 && !job.Objectives.Any(objective => objective.Name == Primary))
        {
            yield return new("scalarizer.primary", Unknown(job.Objectives)["scalarizer.primary ".Length..]);
        }
    }

    private IEnumerable<JobFinding> OneConstraintEach(JobSpec job)
    {
        if (job.Objectives.Count < 2) { yield break; }
        if (Constraints is null)
        {
            yield return new("scalarizer", "is method: lagrangian without constraints; give the mean score that each objective but the primary shall reach, such as constraints: 0.9.");
            yield break;
        }

        if (Primary is not null && !job.Objectives.Any(objective => objective.Name == Primary)) { yield break; }
        int primary = PrimaryIndex(job.Objectives);
        string[] constrained = [.. job.Objectives.Where((_, j) => j != primary).Select(objective => objective.Name)];
        if (Constraints.List is { } list && list.Count != constrained.Length)
        {
            yield return new("scalarizer.constraints", $"has {list.Count} entries for {constrained.Length} constrained objectives ({string.Join(", ", constrained)}; {job.Objectives[primary].Name} is the primary one and has none); give one each, or a single number.");
        }
    }

    private IEnumerable<JobFinding> Start(JobSpec job)
    {
        if (LambdaStart == 0 && DualUpdate == DualUpdate.Log && Mode == MethodMode.Corrected) { yield return new("scalarizer.lambda_start", "is 0, but dual_update: log multiplies λ step by step, and 0 would stay 0; give a positive start, or use dual_update: linear."); }
        if (LambdaStart > LambdaMax && Mode == MethodMode.Corrected) { yield return new("scalarizer.lambda_start", FormattableString.Invariant($"is {LambdaStart}, more than lambda_max {LambdaMax}; give at most that, or raise lambda_max.")); }
    }
}
