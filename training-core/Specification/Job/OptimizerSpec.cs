using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>Learning-rate schedules.</summary>
public enum LearningRateSchedule
{
    /// <summary>Constant after the warm-up.</summary>
    Constant,

    /// <summary>Half a cosine from the peak to min_ratio × peak at the last step.</summary>
    Cosine,

    /// <summary>Constant, then linear from 60 % of the steps to min_ratio × peak at the last one.</summary>
    WarmupStableDecay,
}

/// <summary>AdamW (arXiv 1711.05101) and its schedule. Decay applies to every parameter, as in one PyTorch group.</summary>
public sealed record OptimizerSpec
{
    [Description("Peak learning rate.")]
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 1e-6;

    [Description("Decay of the first and second moment.")]
    [Length(2, 2)]
    public IReadOnlyList<double> Betas { get; init; } = [0.9, 0.999];

    [Description("Added to the root of the second moment before dividing by it.")]
    [Range(1e-16, 1.0)]
    public double Epsilon { get; init; } = 1e-8;

    [Description("Decoupled weight decay; applies to every parameter.")]
    [Range(0.0, 10.0)]
    public double WeightDecay { get; init; } = 0.01;

    [Description("Largest norm of the combined gradient; 0: no clipping.")]
    [Range(0.0, 1e9)]
    public double GradClip { get; init; } = 1.0;

    [Description("constant (default), cosine or warmup_stable_decay.")]
    public LearningRateSchedule Schedule { get; init; } = LearningRateSchedule.Constant;

    [Description("Optimizer updates over which the learning rate rises linearly from 0.")]
    [Range(0, 100_000_000)]
    public int WarmupSteps { get; init; }

    [Description("Last learning rate as a share of the peak (cosine, warmup_stable_decay).")]
    [Range(0.0, 1.0)]
    public double MinRatio { get; init; } = 0.1;
}
