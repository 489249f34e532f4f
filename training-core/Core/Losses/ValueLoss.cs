using System.Runtime.InteropServices;
using Ctwa.Training.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Losses;

/// <summary>Squared error of the value head, clipped as in PPO: the worse of the value and of the value held near the one before the step.</summary>
public static class ValueLoss
{
    /// <summary>½ Σ weight · max((v − R)², (clip(v, v_old ± bound) − R)²).</summary>
    /// <param name="values">With a graph, any shape.</param>
    /// <param name="returns">Targets, same shape.</param>
    /// <param name="before">Values before the step, same shape.</param>
    /// <param name="weights">From <see cref="TokenWeights"/>; tokens of weight 0 do not count, whatever they hold.</param>
    /// <param name="clip">Bound; 0: none.</param>
    /// <returns>A differentiable scalar, and a detached float64 vector (loss, tokens whose bound is active).</returns>
    public static (Tensor Loss, Tensor Sums) Compute(Tensor values, Tensor returns, Tensor before, Tensor weights, double clip)
    {
        using var scope = NewDisposeScope();
        Tensor outside = weights.eq(Scalars.Of(0));
        Tensor Inside(Tensor all) => all.masked_fill(outside, Scalars.Of(0));
        (values, returns, before) = (Inside(values), Inside(returns), Inside(before));
        Tensor error = values - returns, free = error * error, losses = free, active = zeros_like(outside);
        if (clip > 0)
        {
            Tensor heldError = Numerics.MaskedReduction.ClipByValue(values, before.Plus(-clip), before.Plus(clip)) - returns, held = heldError * heldError;
            losses = maximum(free, held);
            active = held.gt(free);
        }

        Tensor loss = (losses * weights).sum().Times(0.5);
        using var noGrad = no_grad();
        Tensor sums = stack([(losses.detach().to(ScalarType.Float64) * weights).sum().Times(0.5), active.sum().to(ScalarType.Float64)]);
        return (loss.MoveToOuterDisposeScope(), sums.MoveToOuterDisposeScope());
    }

    /// <summary>Copies the sums from their device.</summary>
    public static (double Loss, double Clipped) Read(Tensor sums)
    {
        using Tensor host = sums.cpu();
        var both = MemoryMarshal.Cast<byte, double>(host.bytes);
        return (both[0], both[1]);
    }
}
