using System.ComponentModel;

namespace Ctwa.Training.Specification;

/// <summary>What a run writes for other tools beside metrics.jsonl. It decides no bits, may change on a resume, and never delays a step.</summary>
public sealed record TrackingSpec
{
    [Description("Write TensorBoard event files below tensorboard/ in the run directory while the run goes on.")]
    public bool Tensorboard { get; init; }
}
