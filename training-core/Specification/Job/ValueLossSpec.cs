using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace Ctwa.Training.Specification;

/// <summary>
/// The value head of <c>gae</c>: linear in the policy's last hidden state, one output per reward stream. It is kept in
/// checkpoints beside the policy and is no part of the exported model.
/// </summary>
public sealed record ValueLossSpec
{
    [Description("Learning rate of the value head, constant; the policy keeps optimizer.learning_rate.")]
    [Range(0.0, 10.0)]
    public double LearningRate { get; init; } = 1e-3;

    [Description("Share of the value loss's gradient that reaches the policy through the hidden states; 0 (default): only the head learns.")]
    [Range(0.0, 1000.0)]
    public double Coefficient { get; init; }

    [Description("Values may move by so much from those before the step (PPO's value clipping); 0: no bound.")]
    [Range(0.0, 1e9)]
    public double Clip { get; init; } = 0.5;
}
