using System.Collections.Immutable;
using Ctwa.Grains.Abstractions;
using Ctwa.Training.Advantages;
using Ctwa.Training.Randomness;
using Ctwa.Training.Rewards;
using Ctwa.Training.Steps;

namespace Ctwa.Grains;

/// <summary>Core types to messages and back, at the edge of the grains.</summary>
internal static class MessageMapping
{
    public static RolloutKey ToMessage(this RolloutId id) => new((uint)id.Purpose, id.Step);

    public static RolloutId ToCore(this RolloutKey key) => new((RandomPurpose)key.Purpose, key.Step);

    public static UpdateKey ToMessage(this UpdateId id) => new((int)id.Stage, id.Step, id.Update, id.Pass, id.Halvings);

    public static UpdateId ToCore(this UpdateKey key) => new((TrainingStage)key.Stage, key.Step, key.Update, key.Pass) { Halvings = key.Halvings };

    public static Division ToMessage(this StepPlan plan) => new(plan.Prompts, plan.PromptsPerUpdate, plan.Shards);

    public static StepPlan ToCore(this Division division) => new(division.Prompts, division.PromptsPerUpdate, division.Shards);

    public static AdvantageMessage ToMessage(this OutcomeAdvantages advantages) =>
        new([.. advantages.Value], [.. advantages.Lengths], [.. advantages.Valid], advantages.Gamma, advantages.Shift, advantages.Scale, advantages.NonNegative, advantages.EarlierTokenReward,
            [.. advantages.Streams.Select(term => term.Stream)], [.. advantages.Streams.Select(term => term.Factor)]);

    public static OutcomeAdvantages ToCore(this AdvantageMessage message) =>
        new([.. message.Value], [.. message.Lengths], [.. message.Valid], message.Gamma, message.Shift, message.Scale) { NonNegative = message.NonNegative, EarlierTokenReward = message.EarlierTokenReward, Streams = [.. message.Streams.Select((stream, k) => new StreamTerm(stream, message.Factors[k]))] };

    public static RowsMessage ToMessage(this PolicyRows rows) => new(rows.Coefficients is null ? null : [.. rows.Coefficients], rows.Keep, rows.Regularizer, rows.RatioToReference, rows.LastBlockOnly);

    public static PolicyRows ToCore(this RowsMessage message) => new(message.Coefficients is { } coefficients ? [.. coefficients] : null, message.Keep, message.Regularizer, message.RatioToReference) { LastBlockOnly = message.LastBlockOnly };

    public static MeasureResult ToMessage(this PostUpdateMeasurement[] measured) =>
        new([.. measured.Select(one => one.Clipped)], [.. measured.Select(one => one.Unclipped)], [.. measured.Select(one => one.LogRatio)], [.. measured.Select(one => one.ActiveTokens)]);

    public static PostUpdateMeasurement[] ToCore(this MeasureResult message) =>
        [.. message.Clipped.Select((clipped, i) => new PostUpdateMeasurement(clipped, message.Unclipped[i], message.LogRatios[i], message.ActiveTokens[i]))];

    public static UpdateResult ToMessage(this UpdateSums sums) =>
        new(sums.Tokens, sums.Loss, sums.Clipped, sums.DualClipped, sums.PolicyKl, sums.ReferenceKl, sums.Entropy, sums.SamplerDifference, [.. sums.ObjectiveLosses], sums.Selected, sums.ValueLoss, sums.ValueClipped);

    public static UpdateSums ToCore(this UpdateResult message) => new()
    {
        Tokens = message.Tokens,
        Loss = message.Loss,
        Clipped = message.Clipped,
        DualClipped = message.DualClipped,
        PolicyKl = message.PolicyKl,
        ReferenceKl = message.ReferenceKl,
        Entropy = message.Entropy,
        SamplerDifference = message.SamplerDifference,
        ObjectiveLosses = [.. message.ObjectiveLosses],
        Selected = message.Selected,
        ValueLoss = message.ValueLoss,
        ValueClipped = message.ValueClipped,
    };

    public static TokenRewards ToCore(this EstimateTokensWork work) => new(
        [.. work.Streams], [.. work.Rewards.Select(one => one.ToArray())], [.. work.Baselines.Select(one => one.ToArray())], [.. work.Valid], work.EarlierTokenReward, work.KlCoefficient);

    public static EstimateTokensResult ToMessage(this StreamEstimate[] estimates) => new(
        [.. estimates.Select(one => new StreamMessage(one.Moments.Count, one.Moments.Mean, one.Moments.Squares, one.Moments.Smallest, one.Moments.Largest, [.. one.Means]))]);

    public static StreamEstimate[] ToCore(this EstimateTokensResult message) =>
        [.. message.Streams.Select(one => new StreamEstimate(new TokenMoments(one.Count, one.Mean, one.Squares, one.Smallest, one.Largest), [.. one.Means]))];

    public static ScoreColumnMessage ToMessage(this IReadOnlyList<ScoreAttempt> attempts) => new(
        [.. attempts.Select(attempt => attempt.Failure is null ? attempt.Score : (double?)null)],
        [.. attempts.Select(attempt => attempt.Failure)],
        [.. attempts.Select(attempt => attempt.Retries)]);

    public static IEnumerable<ScoreAttempt> ToCore(this ScoreColumnMessage column) => column.Scores.Select((score, i) =>
        score is { } received ? ScoreAttempt.Of(received, column.Retries[i]) : ScoreAttempt.Failed(column.Failures[i] ?? "no reason was given", column.Retries[i]));

    public static ScoreItem ToMessage(this ScoredCompletion completion) =>
        new(completion.Prompt, completion.Response, completion.ResponseTokens, completion.GroundTruth);

    public static ScoredCompletion ToCore(this ScoreItem item) => new(item.Prompt, item.Response, item.ResponseTokens, item.GroundTruth);
}
