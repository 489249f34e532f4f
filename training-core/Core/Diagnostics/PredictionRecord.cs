using System.Text.Json.Serialization;

namespace Ctwa.Training.Diagnostics;

/// <summary>
/// How well a first-order prediction agrees with what was realised: running sums over (step, objective) pairs that forget with
/// factor <see cref="Decay"/> per step, for a line through the origin, realised ≈ slope · predicted.
/// </summary>
public sealed record PredictionRecord
{
    /// <summary>Share of its weight that a step keeps when the next one is added: about the last 20 steps count.</summary>
    public const double Decay = 0.95;

    public double Count { get; init; }

    /// <summary>Pairs of equal sign.</summary>
    public double Agreeing { get; init; }

    public double PredictedSquares { get; init; }

    public double RealisedSquares { get; init; }

    public double Products { get; init; }

    /// <summary>Share of pairs whose signs agree; NaN before the first.</summary>
    [JsonIgnore]
    public double SignAgreement => Agreeing / Count;

    /// <summary>Least-squares slope of realised over predicted; NaN where nothing was predicted.</summary>
    [JsonIgnore]
    public double Slope => Products / PredictedSquares;

    /// <summary>Share of the realised changes' squares that the line explains, 0..1; NaN where nothing moved.</summary>
    [JsonIgnore]
    public double RSquared => Products * Products / PredictedSquares / RealisedSquares;

    /// <summary>Adds a step's objectives; pairs that are not finite are left out.</summary>
    public PredictionRecord Add(ReadOnlySpan<double> predicted, ReadOnlySpan<double> realised)
    {
        double count = Decay * Count, agreeing = Decay * Agreeing, left = Decay * PredictedSquares, right = Decay * RealisedSquares, products = Decay * Products;
        for (int j = 0; j < predicted.Length; j++)
        {
            if (!double.IsFinite(predicted[j]) || !double.IsFinite(realised[j])) { continue; }
            count++;
            agreeing += Math.Sign(predicted[j]) == Math.Sign(realised[j]) ? 1 : 0;
            left += predicted[j] * predicted[j];
            right += realised[j] * realised[j];
            products += predicted[j] * realised[j];
        }

        return new() { Count = count, Agreeing = agreeing, PredictedSquares = left, RealisedSquares = right, Products = products };
    }

    /// <summary>Metrics by name below a prefix: sign_agreement, slope, r2.</summary>
    public IEnumerable<(string Name, double Value)> Metrics(string prefix) => [($"{prefix}/sign_agreement", SignAgreement), ($"{prefix}/slope", Slope), ($"{prefix}/r2", RSquared)];
}
