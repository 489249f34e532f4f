using System.Text.Json.Serialization;
using Ctwa.Training.Datasets;
using Ctwa.Training.Diagnostics;
using Ctwa.Training.Losses;
using Ctwa.Training.Rewards;
using Ctwa.Training.Scalarizers;

namespace Ctwa.Training.Steps;

/// <summary>The two kinds of steps.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<TrainingStage>))]
public enum TrainingStage
{
    /// <summary>Supervised steps: an RL job's warm start, or the whole of an sft job.</summary>
    Supervised = 0,

    /// <summary>Reinforcement-learning steps.</summary>
    Rl = 1,
}

/// <summary>
/// Everything that a run remembers besides its weights and optimizer moments (invariant I6). It changes only by being
/// replaced at a step's commit, and lies in every checkpoint.
/// </summary>
public sealed record TrainingRunState
{
    /// <summary>Version of this record's meaning.</summary>
    public const int CurrentVersion = 1;

    public int Version { get; init; } = CurrentVersion;

    /// <summary>Stage of the next step.</summary>
    public required TrainingStage Stage { get; init; }

    /// <summary>Completed steps of <see cref="Stage"/>.</summary>
    public required int Step { get; init; }

    /// <summary>Optimizer updates of <see cref="Stage"/>; Adam's bias correction and the schedule count them.</summary>
    public required long Updates { get; init; }

    /// <summary>Version of the weights: grows by one per optimizer update over the whole run.</summary>
    public required long PolicyVersion { get; init; }

    /// <summary>Place in the training prompts.</summary>
    public required DatasetCursor Cursor { get; init; }

    /// <summary>Memory of the scalarization method; null before reinforcement learning, which it has no part in, and for sft jobs.</summary>
    public ScalarizerState? Scalarizer { get; init; }

    /// <summary>Coefficients of the last solution, for updates that use it again, shape [M]; null if the method does not solve.</summary>
    public double[]? Coefficients { get; init; }

    /// <summary>Controller of the divergence penalty in the reward; null before reinforcement learning and without one.</summary>
    public RewardKlState? RewardKl { get; init; }

    /// <summary>Memory of the diagnostics.</summary>
    public DiagnosticState Diagnostics { get; init; } = new();

    /// <summary>Running response length of training steps.</summary>
    public required ResponseLengthStatistics Lengths { get; init; }

    /// <summary>SHA-256 of the frozen reference policy's file; null before reinforcement learning and without a KL term.</summary>
    public string? ReferenceSha256 { get; init; }

    /// <summary>First validation and its yardstick; null before it.</summary>
    public HeldOutBaseline? Validation { get; init; }

    /// <summary>First measurement of the test prompts and its yardstick; null before it.</summary>
    public HeldOutBaseline? Test { get; init; }

    /// <summary>Sums over RL steps of each objective's within-prompt covariance with the training signal, shape [M]; for the closing report.</summary>
    public double[] CovarianceSums { get; init; } = [];
}

/// <summary>What held-out prompts gave before the first RL step.</summary>
/// <param name="MeanLength">Mean response length in tokens: the fixed yardstick of conciseness on these prompts.</param>
/// <param name="Objectives">Mean score of each objective with its standard error over prompts, shape [M].</param>
public sealed record HeldOutBaseline(double MeanLength, IReadOnlyList<ObjectiveMean> Objectives)
{
    /// <summary>Mean score of each objective, shape [M].</summary>
    public double[] Means() => [.. Objectives.Select(objective => objective.Mean)];
}
