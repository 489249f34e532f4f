using Ctwa.Training.Losses;
using Ctwa.Training.Specification;
using Xunit;

namespace Ctwa.Training.Tests.Losses;

public sealed class TokenSelectionTests
{
    private static readonly float[] s_advantages = [1, 1, -1, -1, 0, 2], s_logProbabilities = [-0.5f, -3, -3, -0.5f, -1, -0.2f];

    [Fact]
    public void The_penalty_goes_to_the_tokens_of_largest_covariance()
    {
        // Means: 1/3 and −1.3667; the covariances of tokens 2 and 5 are the largest.
        bool[] selected = TokenSelection.ForPenalty(s_advantages, s_logProbabilities, 2.0 / 6);
        Assert.Equal([false, false, true, false, false, true], selected);
        Assert.Single(TokenSelection.ForPenalty(s_advantages, s_logProbabilities, 1e-6), chosen => chosen);
        Assert.Empty(TokenSelection.ForPenalty([], [], 0.5));
    }

    [Fact]
    public void Clipping_draws_among_the_candidates_whatever_the_order_of_tokens()
    {
        var spec = new LossSpec { Kind = LossKind.ClipCov, CovLow = 0.1, CovHigh = 5, CovShare = 1.0 / 6 };
        ulong[] draws = [3, 1, 9, 4, 5, 7];
        bool[] selected = TokenSelection.ForClipping(s_advantages, s_logProbabilities, s_logProbabilities, spec, draws);
        // Candidates are 0, 2, 4 and 5 (covariance above 0.1: 0.58, 2.18, −0.12, 1.94 → 0, 2, 5); token 0 has the smallest draw.
        Assert.Equal([true, false, false, false, false, false], selected);

        int[] order = [5, 3, 1, 0, 2, 4];
        T[] Shuffled<T>(T[] values) => [.. order.Select(i => values[i])];
        bool[] shuffled = TokenSelection.ForClipping(Shuffled(s_advantages), Shuffled(s_logProbabilities), Shuffled(s_logProbabilities), spec, Shuffled(draws));
        Assert.Equal(Shuffled(selected), shuffled);
    }

    [Fact]
    public void A_token_without_gradient_is_no_candidate()
    {
        var spec = new LossSpec { Kind = LossKind.ClipCov, CovLow = 0.1, CovHigh = 5, CovShare = 1 };
        float[] old = [.. s_logProbabilities];
        old[5] = -2; // Its ratio is far above 1 + clip_high, and its advantage positive.
        bool[] selected = TokenSelection.ForClipping(s_advantages, s_logProbabilities, old, spec, [0, 1, 2, 3, 4, 5]);
        Assert.Equal([true, false, true, false, false, false], selected);
    }
}
