using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>How forward and backward passes are carried out; all of it from the job, since most of it shows in the last bits.</summary>
/// <param name="Temperature">Divides the logits.</param>
/// <param name="Packed">Micro-batches without padding between sequences.</param>
/// <param name="Recompute">Keep only what enters a block, and compute the block again when its gradient is due.</param>
/// <param name="LogitRows">Most rows of logits at once.</param>
/// <param name="LossScale">Losses are multiplied by it, gradients divided.</param>
internal sealed record ForwardOptions(double Temperature, bool Packed, bool Recompute, int LogitRows, double LossScale)
{
    /// <summary>For policy updates.</summary>
    public static ForwardOptions Of(JobSpec spec, int vocabulary) => new(
        spec.Rollout.Temperature,
        spec.Update.MaxTokensPerMicroBatch is not null,
        spec.Update.RecomputeActivations,
        (int)Math.Max(1, spec.Update.MaxLogits / vocabulary),
        spec.Model.Dtype == ComputeType.Float16 ? spec.Model.LossScale : 1);

    /// <summary>Teacher forcing: the model's own distribution.</summary>
    public ForwardOptions AtTemperatureOne => this with { Temperature = 1 };
}
