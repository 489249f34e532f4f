using Ctwa.Training.Native;
using Ctwa.Training.Numerics;
using Ctwa.Training.Specification;
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

    /// <summary>Generalized advantage estimation (arXiv 1506.02438), whitened over all response tokens.</summary>
    /// <param name="values">Of the value head, shape [B, T].</param>
    /// <param name="lambda">Weight of longer returns.</param>
    /// <returns>
    /// Advantages and returns (the value head's targets), each [B, T]. Outside the mask they hold whitened values of the next
    /// response token, as in the reference; nothing reads them.
    /// </returns>
    /// <exception cref="ArgumentException">The mask holds fewer than two tokens: nothing to whiten.</exception>
    public static (Tensor Advantages, Tensor Returns) Gae(Tensor rewards, Tensor values, Tensor mask, double gamma, double lambda)
    {
        using var scope = NewDisposeScope();
        Tensor advantages = zeros_like(rewards), nextValue = zeros_like(rewards.select(1, 0)), next = zeros_like(nextValue);
        for (long t = rewards.shape[1] - 1; t >= 0; t--)
        {
            Tensor inside = mask.select(1, t), outside = inside.neg().Plus(1), value = values.select(1, t);
            Tensor present = rewards.select(1, t).Plus(nextValue.Times(gamma)) - value;
            present = present.Plus(next.Times(gamma * lambda));
            nextValue = (value * inside).Plus(nextValue * outside);
            next = (present * inside).Plus(next * outside);
            advantages.select(1, t).copy_(next);
        }

        Tensor returns = advantages.Plus(values);
        return (MaskedReduction.Whiten(advantages, mask).MoveToOuterDisposeScope(), returns.MoveToOuterDisposeScope());
    }

    /// <summary>ReMax (arXiv 2310.10505): return to go minus the reward of the prompt's greedy response.</summary>
    /// <param name="baselines">Shape [B].</param>
    /// <returns>Advantages and returns, each [B, T]. Outside the mask both hold the return to go, as in the reference; nothing reads it.</returns>
    public static (Tensor Advantages, Tensor Returns) Remax(Tensor rewards, Tensor mask, Tensor baselines)
    {
        using var scope = NewDisposeScope();
        Tensor returns = (rewards * mask).flip(1).cumsum(1).flip(1);
        Tensor advantages = returns - (baselines.unsqueeze(1) * mask);
        return (advantages.MoveToOuterDisposeScope(), returns.MoveToOuterDisposeScope());
    }

    /// <summary>Estimators that compare the summed reward of a response with those of its group (<see cref="GroupBaselines"/>).</summary>
    /// <param name="groups">Group of each response, shape [B].</param>
    /// <param name="reference">See <see cref="GroupBaselines.Advantages"/>. Rewards outside the mask are summed too then; else they do not count.</param>
    /// <returns>Advantages, 0 outside the mask, [B, T]; returns are the same.</returns>
    /// <exception cref="ArgumentException">reinforce_plus_plus_baseline, and the mask holds fewer than two tokens.</exception>
    public static Tensor GroupRelative(AdvantageEstimator estimator, Tensor rewards, Tensor mask, ReadOnlySpan<int> groups, bool normalizeByStd, bool reference = false)
    {
        using var scope = NewDisposeScope();
        double[] scores = Host((reference ? rewards : rewards * mask).sum(dim: 1));
        int[] lengths = [.. Host(mask.sum(dim: 1)).Select(length => (int)length)];
        double[] values = GroupBaselines.Advantages(estimator, scores, lengths, groups, [], normalizeByStd, reference);
        Tensor advantages = tensor(values, dtype: rewards.dtype, device: rewards.device).unsqueeze(1) * mask;
        if (estimator == AdvantageEstimator.ReinforcePlusPlusBaseline) { advantages = MaskedReduction.Whiten(advantages, mask) * mask; }
        return advantages.MoveToOuterDisposeScope();
    }

    private static double[] Host(Tensor vector)
    {
        using Tensor host = vector.to(ScalarType.Float64).cpu().contiguous();
        return System.Runtime.InteropServices.MemoryMarshal.Cast<byte, double>(host.bytes).ToArray();
    }
}
