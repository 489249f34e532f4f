using Ctwa.Training.Kernels;
using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Optimizers;

/// <summary>
/// AdamW (arXiv 1711.05101) on one slice of the flat parameters, with decoupled decay on every parameter and PyTorch's
/// arithmetic. Everything is element-wise, so the result does not depend on where slices are cut, if they are cut at
/// multiples of <see cref="Gradients.FlatBlocks.BlockSize"/>. Updates in place; owns none of its tensors.
/// </summary>
public sealed class AdamWSlice
{
    // Bounds the temporary on a GPU to 256 MB, since every call costs a launch. Multiples of the block size, so that pieces never change bits.
    private const long DevicePieceSize = 16_384 * Gradients.FlatBlocks.BlockSize;
    private const long HostPieceSize = 16 * Gradients.FlatBlocks.BlockSize;

    private readonly Tensor parameters;
    private readonly double beta1;
    private readonly double beta2;
    private readonly double epsilon;
    private readonly double weightDecay;

    /// <param name="parameters">float32, shape [P]: a view of the flat parameters or of the master copy.</param>
    /// <param name="firstMoment">float32, shape [P]: m.</param>
    /// <param name="secondMoment">float32, shape [P]: v.</param>
    /// <param name="step">Updates already applied to this state.</param>
    /// <exception cref="ArgumentException">A tensor is not a float32 vector, or the lengths differ.</exception>
    public AdamWSlice(Tensor parameters, Tensor firstMoment, Tensor secondMoment, OptimizerSpec options, long step = 0)
    {
        Check(parameters, parameters, nameof(parameters));
        Check(firstMoment, parameters, nameof(firstMoment));
        Check(secondMoment, parameters, nameof(secondMoment));
        ArgumentOutOfRangeException.ThrowIfNegative(step);
        this.parameters = parameters;
        FirstMoment = firstMoment;
        SecondMoment = secondMoment;
        Step = step;
        (beta1, beta2, epsilon, weightDecay) = (options.Betas[0], options.Betas[1], options.Epsilon, options.WeightDecay);
    }

    /// <summary>Running mean of the gradients, shape [P].</summary>
    public Tensor FirstMoment { get; }

    /// <summary>Running mean of the squared gradients, shape [P].</summary>
    public Tensor SecondMoment { get; }

    /// <summary>Updates applied.</summary>
    public long Step { get; private set; }

    /// <summary>One update.</summary>
    /// <param name="gradient">float32, shape [P]; scaled in place if <paramref name="gradientScale"/> is not 1.</param>
    /// <param name="learningRate">Of this update.</param>
    /// <param name="gradientScale">From <see cref="Gradients.GradientClipper"/>.</param>
    /// <exception cref="ArgumentException">The gradient does not have the parameters' shape and type.</exception>
    public void Apply(Tensor gradient, double learningRate, double gradientScale = 1)
    {
        Check(gradient, parameters, nameof(gradient));
        Step++;
        double stepSize = learningRate / (1 - Math.Pow(beta1, Step));
        double secondCorrection = Math.Sqrt(1 - Math.Pow(beta2, Step));
        long length = parameters.shape[0];
        if (parameters.device_type == TorchSharp.DeviceType.CPU)
        {
            OnHost(gradient, new((float)gradientScale, (float)(1 - (learningRate * weightDecay)), (float)(1 - beta1), (float)beta2, (float)(1 - beta2), 1 / (float)secondCorrection, (float)epsilon, (float)stepSize));
            return;
        }

        using var noGrad = no_grad();
        for (long first = 0; first < length; first += DevicePieceSize)
        {
            using var scope = NewDisposeScope();
            long count = Math.Min(DevicePieceSize, length - first);
            Tensor p = parameters.narrow(0, first, count), g = gradient.narrow(0, first, count);
            Tensor m = FirstMoment.narrow(0, first, count), v = SecondMoment.narrow(0, first, count);
            if (gradientScale != 1) { g.mul_(Scalars.Of(gradientScale)); }
            p.mul_(Scalars.Of(1 - (learningRate * weightDecay)));
            m.lerp_(g, 1 - beta1);
            v.mul_(Scalars.Of(beta2)).addcmul_(g, g, Scalars.Of(1 - beta2));
            Tensor denominator = v.sqrt().div_(Scalars.Of(secondCorrection)).PlusInPlace(epsilon);
            p.addcdiv_(m, denominator, Scalars.Of(-stepSize));
        }
    }

    private unsafe void OnHost(Tensor gradient, AdamWStep.Factors factors)
    {
        long length = parameters.shape[0];
        if (length == 0) { return; }
        // A view of a flat vector is contiguous; what is not is no vector of ours.
        nint p = TensorAddress.Of(parameters), m = TensorAddress.Of(FirstMoment), v = TensorAddress.Of(SecondMoment), g = TensorAddress.Of(gradient);
        HostThreads.Each((int)((length + HostPieceSize - 1) / HostPieceSize), length, piece =>
        {
            long first = piece * HostPieceSize;
            AdamWStep.Apply((float*)p + first, (float*)m + first, (float*)v + first, (float*)g + first, Math.Min(HostPieceSize, length - first), factors);
        });
    }

    private static void Check(Tensor tensor, Tensor like, string name)
    {
        if (tensor.dtype != ScalarType.Float32 || tensor.dim() != 1 || tensor.shape[0] != like.shape[0] || !tensor.is_contiguous())
        {
            throw new ArgumentException($"{name} is {tensor.dtype} [{string.Join(", ", tensor.shape)}]; a contiguous float32 vector of {like.shape[0]} is needed.", name);
        }
    }
}
