using Ctwa.Training.Native;
using Ctwa.Training.Numerics;
using TorchSharp;
using static TorchSharp.torch;

namespace Ctwa.Training.Advantages;

/// <summary>
/// Estimators on rewards per token: the general form, for rewards that differ from token to token. The trainer's own
/// rewards come once per response and take <see cref="OutcomeAdvantages"/>, which sends no tokens.
/// </summary>
internal static class TokenLevelAdvantages
{
    /// <summary>REINFORCE++ (arXiv 2501.03262): discounted return to go, whitened over all response tokens.</summary>
    /// <param name="rewards">Shape [B, T].</param>
    /// <param name="mask">0/1 in the type of <paramref name="rewards"/>, shape [B, T].</param>
    /// <param name="gamma">Discount per token. A return does not flow over a masked token.</param>
    /// <returns>Advantages, 0 outside the mask, and returns, each [B, T].</returns>
    /// <exception cref="ArgumentException">The mask holds fewer than two tokens: nothing to whiten.</exception>
    public static (Tensor Advantages, Tensor Returns) ReinforcePlusPlus(Tensor rewards, Tensor mask, double gamma)
    {
        using var scope = NewDisposeScope();
        Tensor returns = zeros_like(rewards);
        Tensor running = zeros_like(rewards.select(1, 0));
        for (long t = rewards.shape[1] - 1; t >= 0; t--)
        {
            running = rewards.select(1, t).Plus(running.Times(gamma));
            returns.select(1, t).copy_(running);
            running = running * mask.select(1, t);
        }

        Tensor advantages = MaskedReduction.Whiten(returns, mask) * mask;
        return (advantages.MoveToOuterDisposeScope(), returns.MoveToOuterDisposeScope());
    }

    /// <summary>GRPO (arXiv 2402.03300): a response's summed reward minus its group's mean, divided by the group's unbiased standard deviation if asked.</summary>
    /// <param name="groups">Group of each response, shape [B].</param>
    /// <param name="keepLoneReward">
    /// A response alone in its group has nothing to be compared with and gets 0. True: it keeps its raw reward, as in
    /// the reference.
    /// </param>
    /// <returns>Advantages, 0 outside the mask, [B, T]; returns are the same.</returns>
    public static Tensor GroupRelative(Tensor rewards, Tensor mask, ReadOnlySpan<int> groups, bool normalizeByStd, bool keepLoneReward = false)
    {
        using var scope = NewDisposeScope();
        using Tensor sums = rewards.sum(dim: 1).to(ScalarType.Float64).cpu();
        double[] scores = new double[groups.Length];
        for (int i = 0; i < scores.Length; i++) { scores[i] = sums[i].ToDouble(); }
        double[] values = GroupNormalization.Normalize(scores, groups, [], normalizeByStd, keepLoneReward);
        Tensor perResponse = tensor(values, dtype: rewards.dtype, device: rewards.device);
        return (perResponse.unsqueeze(1) * mask).MoveToOuterDisposeScope();
    }
}
