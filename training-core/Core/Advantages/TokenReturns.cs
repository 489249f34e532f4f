namespace Ctwa.Training.Advantages;

/// <summary>
/// Returns and advantages of one response's tokens, in float64 and before whitening: what a shard computes of rewards per
/// token. A mask may have holes (tokens that the policy did not write); values flow over them.
/// </summary>
internal static class TokenReturns
{
    /// <summary>Discounted return to go: G_t = r_t + γ·G_{t+1}, from 0 after a masked token (REINFORCE++).</summary>
    /// <param name="rewards">Shape [T].</param>
    /// <param name="mask">True on the response's tokens, shape [T]; empty: everywhere.</param>
    /// <param name="returns">Receives G, shape [T].</param>
    public static void Discounted(ReadOnlySpan<double> rewards, ReadOnlySpan<bool> mask, double gamma, Span<double> returns)
    {
        double running = 0;
        for (int t = rewards.Length - 1; t >= 0; t--)
        {
            returns[t] = running = rewards[t] + (gamma * running);
            if (!mask.IsEmpty && !mask[t]) { running = 0; }
        }
    }

    /// <summary>
    /// Generalized advantage estimation (arXiv 1506.02438, equation 16): A_t = δ_t + γλ·A_{t+1} with
    /// δ_t = r_t + γ·V_{t+1} − V_t. Over a masked token, value and advantage of the next token are carried on.
    /// </summary>
    /// <param name="values">V, shape [T].</param>
    /// <param name="advantages">Receives A, shape [T]; the target of the value head is A + V.</param>
    public static void Gae(ReadOnlySpan<double> rewards, ReadOnlySpan<double> values, ReadOnlySpan<bool> mask, double gamma, double lambda, Span<double> advantages)
    {
        double nextValue = 0, next = 0;
        for (int t = rewards.Length - 1; t >= 0; t--)
        {
            if (mask.IsEmpty || mask[t])
            {
                next = rewards[t] + (gamma * nextValue) - values[t] + (gamma * lambda * next);
                nextValue = values[t];
            }

            advantages[t] = next;
        }
    }

    /// <summary>Undiscounted return to go minus the reward of the prompt's greedy response (ReMax, arXiv 2310.10505). Masked tokens get the return alone, as in the reference; nothing reads it.</summary>
    public static void Remax(ReadOnlySpan<double> rewards, ReadOnlySpan<bool> mask, double baseline, Span<double> advantages)
    {
        double running = 0;
        for (int t = rewards.Length - 1; t >= 0; t--)
        {
            bool counts = mask.IsEmpty || mask[t];
            if (counts) { running += rewards[t]; }
            advantages[t] = running - (counts ? baseline : 0);
        }
    }
}
