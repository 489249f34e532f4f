using Ctwa.Training.Native;
using Ctwa.Training.Specification;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Models.Decoder;

/// <summary>
/// Rotary position embedding in the half-split form of Hugging Face's models (arXiv 2104.09864): the pair of
/// dimension i is i + D/2. Tables of cosines and signed sines, computed in float32, are kept for the positions seen so far.
/// </summary>
internal sealed class RotaryEmbedding(int headSize, double theta, RopeScaling? scaling, ScalarType type, Device device) : IDisposable
{
    private Tensor? _cosine;
    private Tensor? _sine;

    /// <summary>Cosines and signed sines for positions [B, T], each of shape [B, T, 1, D].</summary>
    /// <param name="largest">An upper bound of the positions.</param>
    public (Tensor Cosine, Tensor Sine) At(Tensor positions, long largest)
    {
        Grow(largest + 1);
        var flat = positions.reshape(-1);
        long batch = positions.size(0), length = positions.size(1);
        return (_cosine!.index_select(0, flat).view(batch, length, 1, headSize), _sine!.index_select(0, flat).view(batch, length, 1, headSize));
    }

    /// <summary>Cosines and signed sines of positions 0..length-1, each of shape [1, T, 1, D].</summary>
    public (Tensor Cosine, Tensor Sine) First(long length)
    {
        Grow(length);
        return (_cosine!.narrow(0, 0, length).view(1, length, 1, headSize), _sine!.narrow(0, 0, length).view(1, length, 1, headSize));
    }

    /// <summary>Rotates [B, T, heads, D].</summary>
    public Tensor Apply(Tensor values, Tensor cosine, Tensor sine)
    {
        // The sines carry the sign of the rotated half.
        var rotated = values.roll([headSize / 2], [3]);
        return (values * cosine).PlusInPlace(rotated.mul_(sine));
    }

    public void Dispose()
    {
        _cosine?.Dispose();
        _sine?.Dispose();
    }

    private void Grow(long positions)
    {
        if (_cosine is not null && _cosine.size(0) >= positions) { return; }

        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        long capacity = Math.Max(128, (long)System.Numerics.BitOperations.RoundUpToPowerOf2((ulong)positions));
        var exponents = arange(Scalars.Of(0), Scalars.Of(headSize), Scalars.Of(2), ScalarType.Int64, device: device).to(float32).DividedBy(headSize);
        var frequencies = ones(1, dtype: float32, device: device) / tensor((float)theta, device: device).pow(exponents);
        if (scaling is not null) { frequencies = Scale(frequencies, scaling); }
        var angles = arange(Scalars.Of(0), Scalars.Of(capacity), Scalars.One, ScalarType.Int64, device: device).to(float32).unsqueeze(1) * frequencies.unsqueeze(0);
        angles = cat([angles, angles], 1);
        _cosine?.Dispose();
        _sine?.Dispose();
        _cosine = angles.cos().to(type).DetachFromDisposeScope();
        var sign = cat([full([headSize / 2], Scalars.Of(-1), float32, device), full([headSize / 2], Scalars.One, float32, device)], 0);
        _sine = (angles.sin() * sign).to(type).DetachFromDisposeScope();
    }

    /// <summary>Frequencies for long contexts; see <see cref="RopeScaling"/>.</summary>
    private static Tensor Scale(Tensor frequencies, RopeScaling scaling)
    {
        double original = scaling.OriginalMaxPositionEmbeddings, span = scaling.HighFreqFactor - scaling.LowFreqFactor;
        var waveLength = tensor((float)(2 * Math.PI), device: frequencies.device) / frequencies;
        var stretched = frequencies.DividedBy(scaling.Factor);
        // Share of the unscaled frequency: 0 at the long end of the band, 1 at the short one.
        var share = (tensor((float)original, device: frequencies.device) / waveLength).Plus(-scaling.LowFreqFactor).DividedBy(span);
        var blended = (share * frequencies).Plus(share.neg().Plus(1) * stretched);
        var scaled = where(waveLength.gt(Scalars.Of(original / scaling.LowFreqFactor)), stretched, blended);
        return where(waveLength.lt(Scalars.Of(original / scaling.HighFreqFactor)), frequencies, scaled);
    }
}
