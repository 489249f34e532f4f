using Ctwa.Training.Native;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Lora;

/// <summary>An adapter added into the weights it adapts, so that programs without LoRA compute the same model.</summary>
public static class AdapterMerge
{
    /// <summary><c>W + scale · B A</c> in float32, as PEFT merges.</summary>
    /// <param name="weight">W [outputs, inputs], any floating type.</param>
    /// <param name="a">A [rank, inputs].</param>
    /// <param name="b">B [outputs, rank].</param>
    /// <param name="scale">See <see cref="AdapterConfig.Scale"/>.</param>
    /// <returns>A new float32 CPU tensor [outputs, inputs].</returns>
    /// <exception cref="ArgumentException">The shapes do not belong together.</exception>
    public static Tensor Merge(Tensor weight, Tensor a, Tensor b, double scale)
    {
        if (weight.Dimensions != 2 || a.Dimensions != 2 || b.Dimensions != 2 || a.size(1) != weight.size(1) || b.size(0) != weight.size(0) || a.size(0) != b.size(1))
        {
            throw new ArgumentException($"W [{string.Join(", ", weight.shape)}], A [{string.Join(", ", a.shape)}] and B [{string.Join(", ", b.shape)}] do not belong together; expected are [outputs, inputs], [rank, inputs] and [outputs, rank].", nameof(weight));
        }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var delta = b.to(float32).mm(a.to(float32)).mul_(Scalars.Of(scale));
        return weight.to(float32).Plus(delta).cpu().MoveToOuterDisposeScope();
    }
}
