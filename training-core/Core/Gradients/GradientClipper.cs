namespace Ctwa.Training.Gradients;

/// <summary>Clipping of a gradient by its norm.</summary>
public static class GradientClipper
{
    /// <summary>Keeps a gradient of norm 0 from dividing by 0; PyTorch's value.</summary>
    private const double NormFloor = 1e-6;

    /// <summary>Factor that brings the norm to at most <paramref name="max"/>: min(1, max / (norm + 1e-6)), as torch's <c>clip_grad_norm_</c>.</summary>
    /// <param name="norm">L2 norm of the whole, combined gradient.</param>
    /// <param name="max">Largest norm; 0: no clipping.</param>
    /// <exception cref="ArgumentOutOfRangeException">The norm is NaN, infinite or negative: such a gradient must not reach the parameters.</exception>
    public static double Scale(double norm, double max)
    {
        if (!double.IsFinite(norm) || norm < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(norm), norm, "the gradient's norm must be finite and not negative; drop the update or look for the block that is not finite.");
        }

        return max <= 0 ? 1 : Math.Min(1, max / (norm + NormFloor));
    }
}
