using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>The tensor work of one parameter slice: its part of the norm, its optimizer update.</summary>
public sealed class SliceWorker(PolicyMemory memory, SliceRange range)
{
    /// <summary>Σ g² of the slice in float64, blocks added in order; NaN or infinite if the gradient is.</summary>
    /// <param name="gradient">Reduced gradient, shape [layout length].</param>
    public double SumOfSquares(Tensor gradient)
    {
        if (range.Length == 0) { return 0; }
        using var scope = NewDisposeScope();
        return FlatBlocks.Sum(FlatBlocks.SumOfSquaresByBlock(gradient.narrow(0, range.Start, range.Length)));
    }

    /// <summary>One AdamW update of the slice; the gradient is scaled in place.</summary>
    public void Apply(Tensor gradient, OptimizerSpec options, OptimizerUpdate update)
    {
        if (range.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Tensor Part(Tensor vector) => vector.narrow(0, range.Start, range.Length);
        var adam = new AdamWSlice(Part(memory.Weights), Part(memory.FirstMoment), Part(memory.SecondMoment), options, update.AdamStep - 1);
        adam.Apply(Part(gradient), update.LearningRate, update.GradientScale);
    }
}
