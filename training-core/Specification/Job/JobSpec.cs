using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>What a job does: reinforcement learning on several objectives, or supervised fine-tuning.</summary>
public enum JobKind
{
    /// <summary>Multi-objective reinforcement learning, optionally after a supervised warm start.</summary>
    Rl,

    /// <summary>Supervised fine-tuning only.</summary>
    Sft,
}

/// <summary>
/// A training job, as written in the job file. The arithmetic of a run is a function of this record alone
/// (invariant I1): nothing in it depends on how many silos, lanes or cores run it.
/// </summary>
public sealed record JobSpec
{
    [Description("Name of the job: letters, digits, '.', '-' and '_'; part of the run directory's name.")]
    [RegularExpression("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
    public required string Name { get; init; }

    [Description("rl: reinforcement learning (default); sft: supervised fine-tuning.")]
    public JobKind Kind { get; init; } = JobKind.Rl;

    [Description("Seed of every random number of the job.")]
    [Range(0L, long.MaxValue)]
    public long Seed { get; init; } = 1;

    [Description("The policy: an existing Hugging Face folder, or a new model.")]
    public required ModelSpec Model { get; init; }

    [Description("Training, validation and test data.")]
    public required DataSpec Data { get; init; }

    [Description("Supervised stage that runs before reinforcement learning. Only with kind: rl.")]
    public SupervisedSpec? WarmStart { get; init; }

    [Description("Supervised fine-tuning settings. Required with kind: sft, refused otherwise.")]
    public SupervisedSpec? Supervised { get; init; }

    [Description("How completions are sampled.")]
    public RolloutSpec Rollout { get; init; } = new();

    [Description("The objectives, in order. Their names key all state and metrics. Required with kind: rl.")]
    public IReadOnlyList<ObjectiveSpec> Objectives { get; init; } = [];

    [Description("Reward models whose outputs several objectives share: reward: {kind: shared, source: NAME}. Each is asked once per completion.")]
    public IReadOnlyList<RewardModelSpec> RewardModels { get; init; } = [];

    [Description("How a scalar reward becomes an advantage per token.")]
    public AdvantageSpec Advantage { get; init; } = new();

    [Description("The policy loss.")]
    public LossSpec Loss { get; init; } = new();

    [Description("Penalty on the divergence from the reference policy as part of the reward. Default: none; loss.kl is the other place for it.")]
    public RewardKlSpec? RewardKl { get; init; }

    [Description("How several objectives become one training signal.")]
    public ScalarizerSpec Scalarizer { get; init; } = new LinearScalarizerSpec();

    [Description("What is measured besides what training needs.")]
    public DiagnosticsSpec Diagnostics { get; init; } = new();

    [Description("AdamW and its learning-rate schedule.")]
    public OptimizerSpec Optimizer { get; init; } = new();

    [Description("How a step's rollouts are divided into optimizer updates.")]
    public UpdateSpec Update { get; init; } = new();

    [Description("Logical shape of the computation. Changing it changes the rounding of sums, changing hardware does not.")]
    public GridSpec Grid { get; init; } = new();

    [Description("Number of steps, validation and checkpoints.")]
    public ScheduleSpec Schedule { get; init; } = new();

    [Description("What the run writes for other tools. Never changes results.")]
    public TrackingSpec Tracking { get; init; } = new();
}
