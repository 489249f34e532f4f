using Ctwa.Training.Gradients;
using Ctwa.Training.Models;
using Ctwa.Training.Native;
using Ctwa.Training.Optimizers;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>The tensor work of one parameter slice: its part of norms and Gram matrices, combination of rows, its optimizer update.</summary>
/// <param name="lastBlock">Range of the last decoder block's parameters, for <see cref="GramScope.LastBlock"/>.</param>
public sealed class SliceWorker(PolicyMemory memory, SliceRange range, SliceRange lastBlock)
{
    // A multiple of the block size, so that pieces never change bits.
    private const long GramPiece = 1024 * FlatBlocks.BlockSize;

    /// <summary>Constant learning rate of what lies behind the policy's parameters: the value head.</summary>
    public double TailLearningRate { get; init; }

    /// <summary>The slice.</summary>
    public SliceRange Range => range;

    /// <summary>Elements of the slice that are the policy's; those of the value head come behind them.</summary>
    private long Body => Math.Clamp(memory.Layout.BodyLength - range.Start, 0, range.Length);

    /// <summary>
    /// Σ g² of the slice in float64, blocks added in order; NaN or infinite if the gradient is. The value head is left out:
    /// clipping is of the policy's gradient.
    /// </summary>
    public double SumOfSquares(SliceGradients gradients)
    {
        if (Body == 0) { return 0; }
        using var scope = NewDisposeScope();
        return FlatBlocks.Sum(FlatBlocks.SumOfSquaresByBlock(gradients.Gradient.narrow(0, 0, Body)));
    }

    /// <summary>The slice's part of the rows' Gram matrix, [rows, rows], in float64, blocks added in order.</summary>
    public double[,] Gram(SliceGradients gradients, GramScope scope)
    {
        int rows = gradients.RowCount;
        long start = range.Start, end = range.Start + range.Length;
        if (scope == GramScope.LastBlock) { (start, end) = (Math.Max(start, lastBlock.Start), Math.Min(end, lastBlock.Start + lastBlock.Length)); }
        long offset = gradients.Covered.Start;
        if (end <= start) { return new double[rows, rows]; }
        using var noGrad = no_grad();
        var blocks = new List<double[]>();
        for (long first = start; first < end; first += GramPiece)
        {
            // Rows side by side are a copy on a GPU: of a piece, never of the slice.
            using var disposal = NewDisposeScope();
            long length = Math.Min(GramPiece, end - first);
            blocks.Add(FlatBlocks.GramByBlock([.. Enumerable.Range(0, rows).Select(row => gradients.Row(row).narrow(0, first - offset, length))]));
        }

        return FlatBlocks.SumGram(rows, blocks);
    }

    /// <summary>d = Σ_m α_m g_m over the slice; a row beyond the coefficients (KL and entropy) is added as it is.</summary>
    /// <param name="coefficients">α, shape [M].</param>
    public void Combine(SliceGradients gradients, ReadOnlySpan<double> coefficients)
    {
        if (range.Length == 0) { return; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var target = gradients.EnsureCombined();

        // From zero each time: a combination that is asked for twice is the same.
        target.zero_();
        for (int row = 0; row < gradients.RowCount; row++)
        {
            var part = gradients.Row(row);
            target.PlusInPlace(row < coefficients.Length ? part.Times(coefficients[row]) : part);
        }
    }

    /// <summary>One AdamW update of the slice; the gradient is scaled in place.</summary>
    /// <returns>⟨Δθ, g_m⟩ with each of several rows; empty for a single one.</returns>
    public double[] Apply(SliceGradients gradients, OptimizerSpec options, OptimizerUpdate update)
    {
        bool measure = gradients.RowCount > 1;
        if (range.Length == 0) { return new double[measure ? gradients.RowCount : 0]; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var before = measure ? Part(memory.Weights).clone() : null;
        Step(gradients.Gradient, 0, Body, options, update, update.LearningRate);
        // The supervised stage has no values: there its gradient is 0, and the head stays as it is.
        Step(gradients.Gradient, Body, range.Length - Body, options, update, update.Id.Stage == TrainingStage.Rl ? TailLearningRate : update.LearningRate);
        memory.Publish(range);
        return before is null ? [] : ProductsWithRows(gradients, before);
    }

    /// <summary>⟨θ − θ_0, g_m⟩ over the slice, θ_0 being the weights that the gradients remember.</summary>
    public double[] Displacement(SliceGradients gradients)
    {
        if (range.Length == 0) { return new double[gradients.RowCount]; }
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return ProductsWithRows(gradients, gradients.WeightsBefore);
    }

    /// <summary>⟨θ − before, g_m⟩ over the slice, piece by piece.</summary>
    private double[] ProductsWithRows(SliceGradients gradients, Tensor before)
    {
        var blocks = Enumerable.Range(0, gradients.RowCount).Select(_ => new List<double[]>()).ToArray();
        for (long first = 0; first < range.Length; first += GramPiece)
        {
            using var scope = NewDisposeScope();
            long start = first, length = Math.Min(GramPiece, range.Length - first);
            Tensor Piece(Tensor slice) => slice.narrow(0, start, length);
            var displacement = Piece(Part(memory.Weights)).to(memory.Device) - Piece(before).to(memory.Device);
            for (int row = 0; row < blocks.Length; row++) { blocks[row].Add(FlatBlocks.GramByBlock([displacement, Piece(gradients.Row(row))])); }
        }

        return [.. blocks.Select(row => FlatBlocks.SumGram(2, row)[0, 1])];
    }

    private void Step(Tensor gradient, long start, long length, OptimizerSpec options, OptimizerUpdate update, double learningRate)
    {
        if (length == 0) { return; }
        Tensor Of(Tensor vector) => vector.narrow(0, range.Start + start, length);
        new AdamWSlice(Of(memory.Weights), Of(memory.FirstMoment), Of(memory.SecondMoment), options, update.AdamStep - 1).Apply(gradient.narrow(0, start, length).to(memory.OptimizerDevice), learningRate, update.GradientScale);
    }

    private Tensor Part(Tensor vector) => vector.narrow(0, range.Start, range.Length);
}
