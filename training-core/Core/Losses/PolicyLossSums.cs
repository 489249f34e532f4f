using System.Runtime.InteropServices;

namespace Ctwa.Training.Losses;

/// <summary>Numerators of the policy loss's metrics. They add up over micro-batches and shards; only the total is divided.</summary>
/// <param name="Loss">Σ weight · token loss: already the part of the update's loss.</param>
/// <param name="Tokens">Tokens that count.</param>
/// <param name="Clipped">Tokens at which the upper or lower ratio bound is active.</param>
/// <param name="ClippedLower">Tokens at which the dual clip is active.</param>
/// <param name="NegativeLogRatio">Σ (old − new log-probability).</param>
/// <param name="AbsoluteLogRatio">Σ |old − new log-probability|.</param>
/// <param name="Selected">Tokens that the loss treats apart (clip_cov, kl_cov).</param>
public readonly record struct PolicyLossSums(double Loss, double Tokens, double Clipped, double ClippedLower, double NegativeLogRatio, double AbsoluteLogRatio, double Selected)
{
    /// <summary>Entries of the vector <see cref="PolicyLossPart.Sums"/>, in the order of this record.</summary>
    public const int Size = 7;

    /// <summary>Share of tokens clipped; 0 without tokens.</summary>
    public double ClipFraction => PerToken(Clipped);

    /// <summary>Share of tokens held by the dual clip; 0 without tokens.</summary>
    public double LowerClipFraction => PerToken(ClippedLower);

    /// <summary>Estimate of KL(old ‖ new) by the mean of −log ρ, in nats; 0 without tokens.</summary>
    public double ApproximateKl => PerToken(NegativeLogRatio);

    /// <summary>Mean of |log ρ|, in nats; 0 without tokens.</summary>
    public double MeanAbsoluteLogRatio => PerToken(AbsoluteLogRatio);

    /// <summary>Share of tokens that the loss treats apart; 0 without tokens.</summary>
    public double SelectedFraction => PerToken(Selected);

    /// <summary>Reads a vector of <see cref="Size"/> entries.</summary>
    public static PolicyLossSums Read(ReadOnlySpan<double> sums) => new(sums[0], sums[1], sums[2], sums[3], sums[4], sums[5], sums[6]);

    /// <summary>Copies the vector from its device and reads it.</summary>
    public static PolicyLossSums Read(Tensor sums)
    {
        using Tensor host = sums.cpu();
        return Read(MemoryMarshal.Cast<byte, double>(host.bytes));
    }

    /// <summary>Sums of both parts.</summary>
    public static PolicyLossSums Add(PolicyLossSums left, PolicyLossSums right) => left + right;

    /// <inheritdoc cref="Add"/>
    public static PolicyLossSums operator +(PolicyLossSums left, PolicyLossSums right) => new(
        left.Loss + right.Loss, left.Tokens + right.Tokens, left.Clipped + right.Clipped,
        left.ClippedLower + right.ClippedLower, left.NegativeLogRatio + right.NegativeLogRatio,
        left.AbsoluteLogRatio + right.AbsoluteLogRatio, left.Selected + right.Selected);

    private double PerToken(double sum) => Tokens == 0 ? 0 : sum / Tokens;
}
