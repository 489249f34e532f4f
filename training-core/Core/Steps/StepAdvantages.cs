using Ctwa.Training.Advantages;
using Ctwa.Training.Scalarizers;
using Ctwa.Training.Specification;

namespace Ctwa.Training.Steps;

/// <summary>Scores of the greedy completion of each prompt of a step: ReMax's baseline.</summary>
/// <param name="Scores">Shape [prompts, M].</param>
/// <param name="Valid">False where a failing reward dropped it, shape [prompts].</param>
/// <param name="Lengths">In tokens, shape [prompts].</param>
internal sealed record GreedyScores(double[,] Scores, bool[] Valid, int[] Lengths);

/// <summary>Penalty on the divergence from the reference policy in a step's rewards.</summary>
/// <param name="Coefficient">What a nat costs.</param>
/// <param name="Divergence">Σ over each completion's tokens, shape [B].</param>
/// <param name="Mean">Mean over valid completions of the mean over their tokens; what the controller watches. NaN without a valid one.</param>
internal sealed record RewardPenalty(double Coefficient, double[] Divergence, double Mean)
{
    public static RewardPenalty Of(double coefficient, double[] divergence, StepSignals signals)
    {
        int[] counted = [.. Enumerable.Range(0, divergence.Length).Where(i => signals.Valid[i] && signals.Lengths[i] > 0)];
        return new(coefficient, divergence, counted.Length == 0 ? double.NaN : counted.Average(i => divergence[i] / signals.Lengths[i]));
    }
}

/// <summary>
/// A step's rewards to advantages by the job's estimator: from numbers per completion where these suffice, else in two
/// phases, in which shards estimate and keep token values, and only their moments and means come back.
/// </summary>
internal sealed class StepAdvantages(PreparedJob job, ITrainingBackend backend, RolloutId rollout, StepSignals signals, GreedyScores? greedy, RewardPenalty? penalty)
{
    private readonly OutcomeAdvantages[]?[] _perObjective = new OutcomeAdvantages[]?[2];
    private int _passes;

    private AdvantageSpec Spec => job.Spec.Advantage;

    /// <summary>Advantages of the scalar reward.</summary>
    /// <param name="rewards">Shape [B].</param>
    /// <param name="earlierTokenReward">Of every token before a completion's last one.</param>
    /// <param name="state">Of the method, which weighs the greedy completions as it weighed the others.</param>
    public async Task<OutcomeAdvantages> OfScalarAsync(double[] rewards, double earlierTokenReward, ScalarizerState state, CancellationToken cancellationToken) =>
        (await EstimateAsync([0], [rewards], greedy is null ? [] : [PerCompletion(GreedyRewards(greedy, state))], earlierTokenReward, penalized: true, cancellationToken))[0];

    /// <summary>Advantages of each objective's scores on their own, [M].</summary>
    /// <param name="penalized">Each carries the penalty on the divergence, so that weights of sum 1 count it once; else none does.</param>
    public async Task<OutcomeAdvantages[]> OfObjectivesAsync(bool penalized, CancellationToken cancellationToken)
    {
        ref var known = ref _perObjective[penalized && penalty is not null ? 1 : 0];
        if (known is not null) { return known; }
        int[] objectives = [.. Enumerable.Range(0, signals.Scores.GetLength(1))];
        var estimated = await EstimateAsync(
            [.. objectives.Select(j => 1 + j)],
            [.. objectives.Select(j => Enumerable.Range(0, signals.Lengths.Length).Select(i => signals.Valid[i] ? signals.Scores[i, j] : 0).ToArray())],
            greedy is null ? [] : [.. objectives.Select(j => PerCompletion([.. greedy.Valid.Select((valid, prompt) => valid ? greedy.Scores[prompt, j] : double.NaN)]))],
            earlierTokenReward: 0, penalized, cancellationToken);
        return _perObjective[penalized && penalty is not null ? 1 : 0] = estimated;
    }

    private async Task<OutcomeAdvantages[]> EstimateAsync(int[] streams, double[][] rewards, double[][] baselines, double earlierTokenReward, bool penalized, CancellationToken cancellationToken)
    {
        double coefficient = penalized && penalty is not null ? penalty.Coefficient : 0;
        if (!job.EstimatesTokens)
        {
            // These estimators see a completion's summed reward, so the penalty is one number too.
            return [.. rewards.Select((one, k) => OutcomeEstimator.Estimate(
                Spec, coefficient == 0 ? one : [.. one.Select((reward, i) => reward - (coefficient * penalty!.Divergence[i]))],
                signals.Lengths, signals.Groups, signals.Valid, earlierTokenReward, baselines.Length == 0 ? [] : baselines[k]))];
        }

        var estimates = await backend.EstimateTokensAsync(rollout, _passes++, new TokenRewards(streams, rewards, baselines, signals.Valid, earlierTokenReward, coefficient), cancellationToken);
        return [.. estimates.Select((one, k) =>
        {
            var (shift, scale) = Spec.Estimator == AdvantageEstimator.Remax ? (0, 1) : one.Moments.Whitening();
            return new OutcomeAdvantages(one.Means, signals.Lengths, signals.Valid, Gamma: 1, shift, scale) { Streams = [new StreamTerm(streams[k], 1)] };
        })];
    }

    /// <summary>The method's reward of each greedy completion, NaN where it was dropped, shape [prompts].</summary>
    private double[] GreedyRewards(GreedyScores scored, ScalarizerState state)
    {
        double[] none = [.. scored.Valid.Select(_ => double.NaN)];
        if (!scored.Valid.Contains(true)) { return none; }
        var weighed = job.Scalarizer!.Weigh(signals with { Scores = scored.Scores, Valid = scored.Valid, Lengths = scored.Lengths, Groups = [.. Enumerable.Range(0, scored.Lengths.Length)] }, state);
        return weighed is Scalarization.OfRewards of ? [.. of.Rewards.Select((reward, prompt) => scored.Valid[prompt] ? reward : double.NaN)] : none;
    }

    private double[] PerCompletion(double[] perPrompt) => [.. signals.Groups.Select(prompt => perPrompt[prompt])];
}
