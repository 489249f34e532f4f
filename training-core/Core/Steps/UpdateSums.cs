namespace Ctwa.Training.Steps;

/// <summary>
/// Sums of one update in float64. Shards' sums are added in shard order; means are taken once, at the end.
/// </summary>
public sealed record UpdateSums
{
    /// <summary>Response tokens.</summary>
    public long Tokens { get; init; }

    /// <summary>Loss: weighted as in the update (policy; the objectives' mean where each has its own and no coefficients are known), or a plain sum over tokens (supervised).</summary>
    public double Loss { get; init; }

    /// <summary>Policy loss of each objective, shape [M]; empty where one signal stands for all.</summary>
    public double[] ObjectiveLosses { get; init; } = [];

    /// <summary>Tokens whose ratio was clipped.</summary>
    public double Clipped { get; init; }

    /// <summary>Tokens at the dual-clip bound.</summary>
    public double DualClipped { get; init; }

    /// <summary>Σ (old − new) log-probability: the k1 estimate of the divergence from the sampling policy.</summary>
    public double PolicyKl { get; init; }

    /// <summary>Σ k3 estimate of the divergence from the reference policy.</summary>
    public double ReferenceKl { get; init; }

    /// <summary>Σ entropy in nats; 0 unless the loss has an entropy term.</summary>
    public double Entropy { get; init; }

    /// <summary>Largest difference between the sampler's and the scorer's log-probability of a token.</summary>
    public double SamplerDifference { get; init; }

    /// <summary>Tokens that the loss treats apart (clip_cov, kl_cov); mean over the objectives where each has its own.</summary>
    public double Selected { get; init; }

    /// <summary>Value loss, weighted as in the update, summed over the streams.</summary>
    public double ValueLoss { get; init; }

    /// <summary>Values whose clipping was active, mean over the streams.</summary>
    public double ValueClipped { get; init; }

    /// <summary>Adds the sums of another shard or micro-batch.</summary>
    public UpdateSums Plus(UpdateSums other) => new()
    {
        Tokens = Tokens + other.Tokens,
        Loss = Loss + other.Loss,
        ObjectiveLosses = Add(ObjectiveLosses, other.ObjectiveLosses),
        Clipped = Clipped + other.Clipped,
        DualClipped = DualClipped + other.DualClipped,
        PolicyKl = PolicyKl + other.PolicyKl,
        ReferenceKl = ReferenceKl + other.ReferenceKl,
        Entropy = Entropy + other.Entropy,
        SamplerDifference = Math.Max(SamplerDifference, other.SamplerDifference),
        Selected = Selected + other.Selected,
        ValueLoss = ValueLoss + other.ValueLoss,
        ValueClipped = ValueClipped + other.ValueClipped,
    };

    // A part without completions has no losses per objective.
    private static double[] Add(double[] left, double[] right) =>
        left.Length == 0 ? right : right.Length == 0 ? left : [.. left.Zip(right, (one, other) => one + other)];
}
