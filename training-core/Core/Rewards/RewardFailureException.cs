namespace Ctwa.Training.Rewards;

/// <summary>A sample has no score after its retries and its objective's policy is <c>on_failure: fail</c>.</summary>
public sealed class RewardFailureException(string objective, int sample, string reason)
    : Exception($"objective '{objective}' could not score sample {sample}: {reason}. Mend the reward, or set on_failure: drop_sample or substitute for this objective.")
{
    /// <summary>Name of the objective.</summary>
    public string Objective { get; } = objective;

    /// <summary>Index of the sample in the batch.</summary>
    public int Sample { get; } = sample;

    /// <summary>Reason of the last attempt.</summary>
    public string Reason { get; } = reason;
}
