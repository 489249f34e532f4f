using Ctwa.Training.Specification;

namespace Ctwa.Training.Losses;

/// <summary>
/// Tokens at which advantage and log-probability vary together most: where the policy's entropy falls (arXiv 2505.22617).
/// The scope is a shard's whole part of an update, over all its micro-batches, so micro-batch sizes change nothing but
/// <c>grid.shards</c> does. All arithmetic is float64 on the host: no tie or sum depends on a device.
/// </summary>
internal static class TokenSelection
{
    /// <summary>The tokens of largest covariance, for <c>kl_cov</c>; of equal ones the first.</summary>
    /// <param name="advantages">Of the shard's tokens, shape [N].</param>
    /// <param name="logProbabilities">Of the policy being trained, shape [N].</param>
    /// <param name="share">Share of the tokens; at least one is chosen.</param>
    /// <returns>Shape [N].</returns>
    public static bool[] ForPenalty(ReadOnlySpan<float> advantages, ReadOnlySpan<float> logProbabilities, double share)
    {
        bool[] selected = new bool[advantages.Length];
        if (selected.Length == 0) { return selected; }
        double[] covariance = Covariance(advantages, logProbabilities);
        foreach (int token in Enumerable.Range(0, covariance.Length).OrderByDescending(i => covariance[i]).Take(Number(covariance.Length, share))) { selected[token] = true; }
        return selected;
    }

    /// <summary>
    /// A random choice, for <c>clip_cov</c>, of the tokens whose covariance lies between the bounds and that the ratio bounds
    /// leave a gradient.
    /// </summary>
    /// <param name="oldLogProbabilities">Of the policy that sampled, shape [N].</param>
    /// <param name="draws">A random number for each token, shape [N]: the smallest are chosen, so that a token's fate does not depend on the order of tokens.</param>
    /// <returns>Shape [N].</returns>
    public static bool[] ForClipping(ReadOnlySpan<float> advantages, ReadOnlySpan<float> logProbabilities, ReadOnlySpan<float> oldLogProbabilities, LossSpec spec, ReadOnlySpan<ulong> draws)
    {
        bool[] selected = new bool[advantages.Length];
        if (selected.Length == 0) { return selected; }
        double[] covariance = Covariance(advantages, logProbabilities);
        var candidates = new List<(ulong Draw, int Token)>();
        for (int i = 0; i < covariance.Length; i++)
        {
            double ratio = Math.Exp(Math.Clamp((double)logProbabilities[i] - oldLogProbabilities[i], -LossTokens.LogRatioBound, LossTokens.LogRatioBound));
            bool clipped = -advantages[i] * Math.Clamp(ratio, 1 - spec.ClipLow, 1 + spec.ClipHigh) > -advantages[i] * ratio;
            if (!clipped && covariance[i] > spec.CovLow && covariance[i] < spec.CovHigh) { candidates.Add((draws[i], i)); }
        }

        candidates.Sort();
        foreach (var (_, token) in candidates.Take(Number(covariance.Length, spec.CovShare))) { selected[token] = true; }
        return selected;
    }

    private static int Number(int tokens, double share) => Math.Max(1, (int)(tokens * share));

    /// <summary>(A − mean A)(log π − mean log π) of each token.</summary>
    private static double[] Covariance(ReadOnlySpan<float> advantages, ReadOnlySpan<float> logProbabilities)
    {
        double advantage = Mean(advantages), logProbability = Mean(logProbabilities);
        double[] covariance = new double[advantages.Length];
        for (int i = 0; i < covariance.Length; i++) { covariance[i] = (advantages[i] - advantage) * (logProbabilities[i] - logProbability); }
        return covariance;
    }

    private static double Mean(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float value in values) { sum += value; }
        return sum / values.Length;
    }
}
