using System.Numerics;
using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Steps;

/// <summary>What a checkpoint holds of a policy.</summary>
/// <param name="Weights">Master weights: float32, shape [layout length], on the device of the optimizer or in the host's memory.</param>
/// <param name="FirstMoment">Adam's m, likewise.</param>
/// <param name="SecondMoment">Adam's v, likewise.</param>
public readonly record struct PolicyVectors(Tensor Weights, Tensor FirstMoment, Tensor SecondMoment)
{
    // Far below what a span can hold, and small beside a model.
    private const long Piece = 1 << 24;

    /// <summary>Whether every weight is a number. Piece by piece: a copy of a model's size is never made.</summary>
    public bool IsFinite()
    {
        using var noGrad = no_grad();
        for (long first = 0; first < Weights.shape[0]; first += Piece)
        {
            using var scope = NewDisposeScope();
            var piece = Weights.narrow(0, first, Math.Min(Piece, Weights.shape[0] - first));
            // In the host's memory without libtorch: this runs beside a step, whose native threads it must not compete with.
            // Elsewhere by the largest magnitude, which is NaN or infinite if any element is.
            if (!(piece.device_type == DeviceType.CPU ? IsFinite(MemoryMarshal.Cast<byte, uint>(piece.bytes)) : float.IsFinite(piece.abs().max().item<float>()))) { return false; }
        }

        return true;
    }

    private static bool IsFinite(ReadOnlySpan<uint> bits)
    {
        // All bits of the exponent: infinite, or not a number.
        const uint exponent = 0x7F80_0000;
        var mask = new Vector<uint>(exponent);
        int i = 0;
        for (; i <= bits.Length - Vector<uint>.Count; i += Vector<uint>.Count)
        {
            if (Vector.EqualsAny(new Vector<uint>(bits[i..]) & mask, mask)) { return false; }
        }

        for (; i < bits.Length; i++)
        {
            if ((bits[i] & exponent) == exponent) { return false; }
        }

        return true;
    }
}
