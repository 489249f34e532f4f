namespace Ctwa.Training.Scalarizers;

/// <summary>What a method solves on, once per optimizer update.</summary>
public sealed record GradientSignals
{
    /// <summary>RL step, from 1.</summary>
    public required int Step { get; init; }

    /// <summary>Optimizer update within the step, from 0.</summary>
    public required int Update { get; init; }

    /// <summary>
    /// G_ij = ⟨g_i, g_j⟩ of the gradients of the objectives' losses over the whole update, shape [M, M], float64; KL and entropy
    /// are not in it.
    /// </summary>
    public required double[,] Gram { get; init; }

    /// <summary>The same per parameter slice, in slice order; their sum is <see cref="Gram"/>. For the reference's per-rank solutions.</summary>
    public required IReadOnlyList<double[,]> SliceGrams { get; init; }

    /// <summary>Policy loss of each objective in this update, shape [M].</summary>
    public required double[] Losses { get; init; }

    /// <summary>Mean score of each objective over the step's valid completions, shape [M].</summary>
    public required double[] MeanScores { get; init; }

    /// <summary>Learning rate of this update.</summary>
    public required double LearningRate { get; init; }
}

/// <summary>How the objectives' gradients are combined: d = Σ_m α_m g_m.</summary>
/// <param name="Coefficients">α, shape [M]; finite.</param>
/// <param name="State">For the next update.</param>
public sealed record GradientSolution(double[] Coefficients, ScalarizerState State)
{
    /// <summary>Coefficients of each slice, [slices][M], where they differ (reference modes); null: <see cref="Coefficients"/> everywhere.</summary>
    public double[][]? PerSlice { get; init; }
}
